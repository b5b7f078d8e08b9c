/** Code in several languages, with the comments, messages and explanations that stand around it. */
export const programs = `# A tiny key-value log

The module below stores strings under string keys in an append-only file. Writing is one call to write(2) per record; reading goes through an index in memory that is rebuilt when the file is opened. A record that was cut off by a crash is recognized by its checksum and dropped, together with everything behind it.

import os
import struct
import zlib

HEADER = struct.Struct("<III")  # checksum, key length, value length
TOMBSTONE = 0xFFFFFFFF


class KeyValueLog:
    """A dictionary of strings that survives a crash."""

    def __init__(self, path):
        self._index = {}  # key -> (offset, length) of the value
        self._file = open(path, "a+b")
        self._end = self._recover()
        self._file.truncate(self._end)

    def get(self, key, default=None):
        place = self._index.get(key)
        if place is None:
            return default
        offset, length = place
        return os.pread(self._file.fileno(), length, offset).decode("utf-8")

    def put(self, key, value):
        self._append(key, value.encode("utf-8"))

    def delete(self, key):
        if key in self._index:
            self._append(key, None)

    def _append(self, key, value):
        name = key.encode("utf-8")
        length = TOMBSTONE if value is None else len(value)
        body = HEADER.pack(0, len(name), length)[4:] + name + (value or b"")
        record = struct.pack("<I", zlib.crc32(body)) + body
        self._file.write(record)
        self._file.flush()
        if value is None:
            self._index.pop(key, None)
        else:
            self._index[key] = (self._end + HEADER.size + len(name), len(value))
        self._end += len(record)

    def _recover(self):
        """Fills the index; returns the end of the last whole record."""
        self._file.seek(0)
        data = self._file.read()
        position = 0
        while position + HEADER.size <= len(data):
            checksum, name_length, length = HEADER.unpack_from(data, position)
            value_length = 0 if length == TOMBSTONE else length
            end = position + HEADER.size + name_length + value_length
            if end > len(data) or zlib.crc32(data[position + 4:end]) != checksum:
                break
            value_start = end - value_length
            key = data[position + HEADER.size:value_start].decode("utf-8")
            if length == TOMBSTONE:
                self._index.pop(key, None)
            else:
                self._index[key] = (value_start, value_length)
            position = end
        return position


def test_survives_a_torn_write(tmp_path):
    path = tmp_path / "log"
    log = KeyValueLog(path)
    log.put("colour", "green")
    log.put("colour", "blue")
    size = path.stat().st_size
    os.truncate(path, size - 1)
    assert KeyValueLog(path).get("colour") == "green"

Two things are left out on purpose. There is no fsync, so a power failure may lose the last seconds; call os.fsync after flush if that matters. And nothing is ever removed from the file. To compact it, write all live keys to a new file and rename it over the old one.

---

The same idea of an interval that is half open, [start, end), makes calendars easier. In TypeScript:

export interface Meeting {
  readonly title: string;
  /** Minutes since midnight. */
  readonly start: number;
  /** Not part of the meeting any more. */
  readonly end: number;
}

/** Free stretches of at least minLength minutes between opening and closing time, in order. */
export function freeSlots(meetings: readonly Meeting[], opens: number, closes: number, minLength: number) {
  const free: { start: number; end: number }[] = [];
  let cursor = opens;
  for (const { start, end } of [...meetings].sort((a, b) => a.start - b.start)) {
    if (start - cursor >= minLength) free.push({ start: cursor, end: Math.min(start, closes) });
    // A long meeting may contain shorter ones that begin after it.
    cursor = Math.max(cursor, end);
    if (cursor >= closes) return free;
  }
  if (closes - cursor >= minLength) free.push({ start: cursor, end: closes });
  return free;
}

---

diff --git a/src/queue.c b/src/queue.c
index 81f0c2e..d3b07aa 100644
--- a/src/queue.c
+++ b/src/queue.c
@@ -41,12 +41,16 @@ int queue_push(struct queue *q, void *item)
 {
     pthread_mutex_lock(&q->lock);
-    if (q->count == q->capacity)
-        pthread_cond_wait(&q->not_full, &q->lock);
+    /* A loop, because a thread may be woken without cause or too late. */
+    while (q->count == q->capacity && !q->closed)
+        pthread_cond_wait(&q->not_full, &q->lock);
+    if (q->closed) {
+        pthread_mutex_unlock(&q->lock);
+        return -EPIPE;
+    }
     q->items[(q->head + q->count) % q->capacity] = item;
     q->count++;
     pthread_cond_signal(&q->not_empty);
     pthread_mutex_unlock(&q->lock);
     return 0;
 }

---

error[E0502]: cannot borrow "scores" as mutable because it is also borrowed as immutable
  --> src/main.rs:14:9
   |
12 |     let best = scores.iter().max().unwrap();
   |                ------ immutable borrow occurs here
13 |     if *best > limit {
14 |         scores.clear();
   |         ^^^^^^^^^^^^^^ mutable borrow occurs here
15 |         println!("dropped everything up to {}", best);
   |                                                 ---- immutable borrow later used here

The compiler is right: "best" is a reference into the vector, and clearing the vector would leave it pointing at nothing. Copy the number out before you change the collection: let best = *scores.iter().max().unwrap();

---

#!/bin/sh
# Keeps the seven newest backups of a folder and removes the others.
set -eu

source=$1
target=$2
name=backup-$(date +%Y%m%d-%H%M%S).tar.gz

tar -czf "$target/$name.part" -C "$(dirname "$source")" "$(basename "$source")"
mv "$target/$name.part" "$target/$name"
ls -1 "$target"/backup-*.tar.gz | sort -r | tail -n +8 | while read -r old; do
    echo "removing $old"
    rm -- "$old"
done

---

<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Tide table</title>
    <style>
      body { font: 16px/1.5 sans-serif; margin: 2rem auto; max-width: 40rem; }
      th, td { padding: 0.25rem 0.75rem; text-align: right; }
      tr.high { background: #e6f2ff; }
    </style>
  </head>
  <body>
    <h1>Tides for Saturday</h1>
    <table>
      <tr><th>Time</th><th>Height</th></tr>
      <tr><td>03:47</td><td>0.6 m</td></tr>
      <tr class="high"><td>10:02</td><td>3.9 m</td></tr>
      <tr><td>16:15</td><td>0.8 m</td></tr>
      <tr class="high"><td>22:21</td><td>3.7 m</td></tr>
    </table>
    <p>Heights are above chart datum. <a href="/about">How they are computed</a></p>
  </body>
</html>
`;
