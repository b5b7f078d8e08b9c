"""Runs the tests of one file here and prints what came of each as the last line: {"outcomes": [{"name", "problem"}]}."""

import json
import sys
import unittest


class Outcomes(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.list = []

    def addSuccess(self, test):
        super().addSuccess(test)
        self.note(test, "")

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.note(test, self.failures[-1][1])

    def addError(self, test, error):
        super().addError(test, error)
        self.note(test, self.errors[-1][1])

    def note(self, test, problem):
        self.list.append({"name": test.id().rsplit(".", 1)[-1], "problem": problem})


outcomes = Outcomes()
unittest.defaultTestLoader.loadTestsFromName(sys.argv[1].removesuffix(".py")).run(outcomes)
print("\n" + json.dumps({"outcomes": outcomes.list}))
