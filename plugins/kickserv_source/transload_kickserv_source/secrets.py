"""What a Kickserv record leaks, and what therefore never leaves the reader.

Customers carry the token of their portal, employees their password's hash and salt.
They are dropped while an answer is read, before anything could log or stage them.
"""

import re
from functools import lru_cache

_LEAKED = frozenset(
    {
        "token",
        "password_digest",
        "remember_me_token",
        "stripe_customer_id",
        "password_salt",
        "encrypted_password",
        "remember_token",
        "remember_me_token_expires_at",
    }
)
_SUSPECT = ("token", "password", "salt", "digest", "secret")
SECRET_WORDS = (*_SUSPECT, "stripe-customer-id", "stripe_customer_id")
"""One of these stands in the name of every field that is secret."""
_ELEMENT = re.compile(r"<([A-Za-z_][\w.-]*)[^<>]*(?:>([^<]*)|$)")


@lru_cache(maxsize=4096)
def is_secret(field: str) -> bool:
    """Return whether a field, by its underscored or dashed name, must not be kept."""
    name = field.replace("-", "_").lower()
    return name in _LEAKED or any(word in name for word in _SUSPECT)


def is_known_secret(field: str) -> bool:
    """Return whether a field is known to be a secret, and does not only sound like one."""
    return field.replace("-", "_").lower() in _LEAKED


def mask(text: str, *known: str) -> str:
    """Return text of an answer without attributes and the content of secret elements, fit for a message.

    Args:
        text: The answer, or its beginning.
        known: Secrets that must not show wherever they stand.
    """
    for secret in known:
        if secret:
            text = text.replace(secret, "***")
    return _ELEMENT.sub(lambda m: f"<{m[1]}>{'***' if is_secret(m[1]) else m[2] or ''}", text)
