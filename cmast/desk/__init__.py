"""The PMO's desk: what every page of the admin has in common. The pages of each app are in its `admin`."""
