"""The benchmark: CTS and a baseline chat server under the same load, in the same run (``make bench``)."""
