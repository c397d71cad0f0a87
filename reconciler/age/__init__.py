"""age encryption to the recipient that the tenant returns: texts in memory, files in pieces of known total length.

The format is C2SP's age specification (c2sp.org/age). X25519 is pyrage's work. The post-quantum hybrid has no
library in Python: `hybrid` writes it, and writes only; the reader of both is the sandbox's.
"""

from reconciler.age.encryption import FileEncryption, Readable, encrypt_file, encrypt_text
from reconciler.age.recipient import AgeRecipient, RecipientError, parse_recipient

__all__ = [
    "AgeRecipient",
    "FileEncryption",
    "Readable",
    "RecipientError",
    "encrypt_file",
    "encrypt_text",
    "parse_recipient",
]
