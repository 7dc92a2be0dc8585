"""Load tests and side-by-side comparisons. They speak HTTP and Kafka, and import nothing of the product."""
