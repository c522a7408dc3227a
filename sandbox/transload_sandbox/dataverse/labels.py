"""Labels: texts in the languages of an organisation."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.values import new_guid

Json = dict[str, object]

BASE_LANGUAGE = 1033


def label(text: str | None, is_managed: bool = True) -> Json:
    """Return a text in the base language as a Label; no text gives an empty one."""
    if not text:
        return {"LocalizedLabels": [], "UserLocalizedLabel": None}
    localized = _localized(text, BASE_LANGUAGE, is_managed)
    return {"LocalizedLabels": [localized], "UserLocalizedLabel": localized}


def _localized(text: str, language: int, is_managed: bool) -> Json:
    """Return one text; its id follows from the text, so that it stays the same."""
    return {
        "Label": text,
        "LanguageCode": language,
        "IsManaged": is_managed,
        "MetadataId": _id_of(text, language),
        "HasChanged": None,
    }


@lru_cache(10_000)
def _id_of(text: str, language: int) -> str:
    return new_guid(blake2b(f"{language}:{text}".encode()).digest())


def label_text(value: object) -> str | None:
    """Return the text of a Label in the base language, or in the first one that it has."""
    texts = _texts(value)
    return texts.get(BASE_LANGUAGE) or next(iter(texts.values()), None)


def read_label(value: object, languages: Collection[int], former: object = None, *, merge: bool = False) -> Json:
    """Return a Label that a client sent, as it is shown from now on.

    Args:
        value: What the client sent.
        languages: The provisioned languages.
        former: The Label so far.
        merge: Whether texts of languages that the client did not send stay.

    Raises:
        ODataError: A language that is not provisioned.
    """
    texts = (_texts(former) if merge else {}) | _texts(value)
    for language in texts:
        if language not in languages:
            raise errors.invalid_argument(
                f"The language code {language} is not a valid language for this organization."
            )
    localized = [_localized(text, language, is_managed=False) for language, text in texts.items()]
    users = next((each for each in localized if each["LanguageCode"] == BASE_LANGUAGE), None)
    return {"LocalizedLabels": localized, "UserLocalizedLabel": users}


def _texts(value: object) -> dict[int, str]:
    raw = value.get("LocalizedLabels") if isinstance(value, Mapping) else None
    listed: Sequence[object] = raw if isinstance(raw, list) else []
    found: dict[int, str] = {}
    for each in listed:
        if isinstance(each, Mapping) and isinstance(each.get("Label"), str):
            language = each.get("LanguageCode", BASE_LANGUAGE)
            found[language if isinstance(language, int) else BASE_LANGUAGE] = each["Label"]
    return found
