"""The CSV table that describes a source's archives."""

from renet.common.tables import Table

# members.csv: the regular files in the archives of a source. `file` is the position of the archive
# in the source's list; `offset` and `size` are bytes.
MEMBERS = Table({"file": int, "member": str, "offset": int, "size": int})
