// Original file: proto/sluice/v1/worker.proto

import type { ChoiceInit as _sluice_v1_ChoiceInit, Choice as _sluice_v1_Choice } from '../../sluice/v1/Choice.js';

/**
 * What the text of an answer has to be. Forms and errors are those of docs/structured-output.md.
 */
export interface ConstraintInit {
  /**
   * A JSON schema, draft 2020-12, as JSON.
   */
  'jsonSchema'?: (string);
  /**
   * Any JSON object.
   */
  'jsonObject'?: (boolean);
  /**
   * A regular expression that the whole text matches.
   */
  'regex'?: (string);
  /**
   * One of these texts.
   */
  'choice'?: (_sluice_v1_ChoiceInit | null);
  /**
   * A grammar in EBNF (GBNF's dialect), from its rule `root`.
   */
  'grammar'?: (string);
  /**
   * Free text with tagged parts of a given form in it, as JSON: for calls of tools.
   */
  'structuralTag'?: (string);
  'form'?: "jsonSchema"|"jsonObject"|"regex"|"choice"|"grammar"|"structuralTag";
}

/**
 * What the text of an answer has to be. Forms and errors are those of docs/structured-output.md.
 */
export interface Constraint {
  /**
   * A JSON schema, draft 2020-12, as JSON.
   */
  'jsonSchema'?: (string);
  /**
   * Any JSON object.
   */
  'jsonObject'?: (boolean);
  /**
   * A regular expression that the whole text matches.
   */
  'regex'?: (string);
  /**
   * One of these texts.
   */
  'choice'?: (_sluice_v1_Choice | null);
  /**
   * A grammar in EBNF (GBNF's dialect), from its rule `root`.
   */
  'grammar'?: (string);
  /**
   * Free text with tagged parts of a given form in it, as JSON: for calls of tools.
   */
  'structuralTag'?: (string);
  'form'?: "jsonSchema"|"jsonObject"|"regex"|"choice"|"grammar"|"structuralTag";
}
