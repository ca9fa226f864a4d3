"""The loader: archived pages → records → claims → canonical rows, one transaction a batch. It reads only from the archive."""
