"""Dead letters: records of the log that no worker could apply. What is left, and its second chance."""
