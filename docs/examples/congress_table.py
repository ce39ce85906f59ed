"""Write the table of configs/congress.yaml from the list of members of the United States Congress.

python docs/examples/congress_table.py legislators-current.csv /data/photos.csv
"""

import sys

import pandas as pd

members, photos = sys.argv[1:]
given = pd.read_csv(members)
table = pd.DataFrame(
    {
        "path": given.bioguide_id + ".jpg",
        "gender": given.gender,
        "subject": given.first_name + " " + given.last_name,
    }
)
table.to_csv(photos, index=False)
