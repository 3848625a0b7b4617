"""From a folder to decoded radiographs: discovery, integrity, decoding, admission."""
