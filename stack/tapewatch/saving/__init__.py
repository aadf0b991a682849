"""Backups: taken, kept, brought back, and drilled.

A backup is a folder (or a prefix of an object store) with one archive for each part of the stack and a manifest, which
is written last: what has no manifest is no backup. `places` tells where the parts' data is (folders of this machine,
or volumes of compose), `packing` makes an archive of it, `sealing` encrypts it, `targets` keeps it; `taking` and
`restoring` are the two ways through them, `disaster` goes both and compares.
"""
