"""What each kind of model learns, and how its snapshot comes of it. `course` has what is common to all of them."""
