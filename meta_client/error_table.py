"""The one table: what each code of the Graph API means for us, what a person should do, and what a read may do next.

Rows follow facts/meta_graph_api.md §2.2, §3.6, §5 and §6. `errors.py` reads it; nobody else needs to.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Class(StrEnum):
    """Which branch of the error tree a code belongs to."""

    THROTTLED = "throttled"
    UNCERTAIN = "uncertain"  # a read: in passing; a write: nobody knows
    PERSON = "person"
    REFUSED = "refused"
    GONE = "gone"


class Retry(StrEnum):
    """What a read may do after it."""

    NEVER = "never"
    AFTER_WAIT = "after_wait"
    AGAIN = "again"
    SMALLER = "smaller"  # ask for less: a smaller page, a shorter range


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. `wait_s` counts where the headers tell nothing; `wait_is_own` = it stands whatever they tell."""

    error: Class
    meaning: str
    advice: str = ""
    retry: Retry = Retry.NEVER
    wait_s: float = 0.0
    wait_is_own: bool = False


def _throttled(meaning: str, wait_s: float, *, own: bool = False) -> Rule:
    return Rule(Class.THROTTLED, meaning, "nothing happened; wait", Retry.AFTER_WAIT, wait_s, own)


def _uncertain(meaning: str, retry: Retry = Retry.AGAIN) -> Rule:
    return Rule(Class.UNCERTAIN, meaning, "", retry)


def _person(meaning: str, advice: str) -> Rule:
    return Rule(Class.PERSON, meaning, advice)


def _refused(meaning: str, advice: str = "correct the request", retry: Retry = Retry.NEVER) -> Rule:
    return Rule(Class.REFUSED, meaning, advice, retry)


_TOKEN = "make a new access token and set META_ACCESS_TOKEN"  # noqa: S105 - advice, not a token
_GRANT = "grant the app and the token's user the permission in Business Manager"
_BROWSER = "a person must look at the account in Ads Manager"
_RAISE = "raise the budget or pause the object"
_NEW = "make a new one"

# (code, subcode): only together do they mean this.
PAIRS: MappingProxyType[tuple[int, int], Rule] = MappingProxyType(
    {
        (1, 99): _uncertain("unknown error, often the wrong level of a question"),
        (2, 1504038): _uncertain("the question took Meta too long", Retry.SMALLER),
        (2, 1504041): _refused("these breakdowns do not go together"),
        (2, 1504042): _refused("these breakdowns do not go together"),
        (2, 1504043): _uncertain("internal error of Meta's insights"),
        (2, 1504044): _refused("these breakdowns do not go together"),
        (-2, 2490547): _uncertain("Meta's report failed"),
        (-3, 1504045): _uncertain("the report is too large", Retry.SMALLER),
        (4, 1504022): _throttled("too many insights calls by this app", 300),
        (4, 1504039): _throttled("too many insights calls on Meta as a whole", 300),
        (17, 1885172): _throttled("the account's spend limit was changed 10 times today", 86_400, own=True),
        (17, 2446079): _throttled("the app's call score for this account is used up", 300),
        (100, 33): Rule(Class.GONE, "the object does not exist, or not for this token", "check its id and the token"),
        (100, 1504018): _uncertain("the question took Meta too long", Retry.SMALLER),
        (100, 1487534): _uncertain("too much data for one answer", Retry.SMALLER),
        (100, 3191001): _person("the token may not use this breakdown", _GRANT),
        (100, 1752129): _person("this combination of account tasks is not supported", _GRANT),
        (190, 458): _person("the app is no longer authorised", _TOKEN),
        (190, 459): _person("Facebook wants the token's user to log in and confirm", "log in as that user"),
        (190, 460): _person("the token ended when its user's password was changed", _TOKEN),
        (190, 463): _person("the access token has expired", _TOKEN),
        (190, 464): _person("the token's user is not confirmed", "confirm that user's account"),
        (190, 467): _person("the access token was invalidated", _TOKEN),
        (190, 492): _person("the session of the token is not valid", _TOKEN),
        (613, 1487225): _throttled(
            "ads created today reached the limit that goes with the daily spend", 3_600, own=True
        ),
        (613, 1487632): _throttled("the ad set's budget was changed 4 times within the hour", 3_600, own=True),
        (613, 1487742): _throttled("the app's call score for this account is used up", 300),
        (613, 1996): _throttled("the volume of calls is unlike the usual one", 600),
        (613, 5044001): _throttled("more than 100 changes a second", 5),
        (2601, 1815107): _uncertain("the report is not ready yet"),
        (2654, 1713092): _person("the token may not write audiences", _GRANT),
    }
)

# The seven-digit numbers stand in `code` or in `error_subcode`: Meta's pages show the one, live answers the other.
SPECIFIC: MappingProxyType[int, Rule] = MappingProxyType(
    {
        1340029: _refused("an ad of a dynamic creative cannot be deleted alone", "delete its ad set"),
        1373054: _refused("the call to action is not known"),
        1404078: _person("the account is blocked for now", _BROWSER),
        1404163: _person("advertising access was revoked", _BROWSER),
        1443048: _refused("the creative cannot be read", "leave it out"),
        1487007: _refused("the ad belongs to an ad set that has ended", "extend the ad set or leave the ad"),
        1487033: _refused("the end date is not in the future"),
        1487056: _refused("the ad set is deleted; only its name can change", "leave it"),
        1487472: _refused("this type of post cannot be promoted"),
        1487566: _refused("the campaign is deleted; only its name can change", "leave it"),
        1487678: _refused("the app's system does not match the targeting"),
        1487694: _refused("a targeting category was retired", "take it out of the targeting"),
        1487831: _refused("the product set could not be loaded"),
        1487901: _refused("the budget is under the minimum per day", _RAISE),
        1487929: _refused("the promoted object is ambiguous"),
        1487990: _refused("the account has too many archived ads", "delete archived ads"),
        1815198: _refused("the frequency control is set once and cannot change", _NEW),
        1815199: _person("no access to the Instagram account", _GRANT),
        1815629: _refused("values of the asset feed must differ"),
        1815694: _person("the token's user lacks a permission", _GRANT),
        1870034: _person("the terms of custom audiences are not accepted", "accept them in Ads Manager"),
        1870047: _refused("the audience would become too small"),
        1870065: _refused("a disabled audience is in use", "take it out of the targeting"),
        1870088: _refused("targeting by connections was retired", "take it out of the targeting"),
        1870090: _person("the terms of custom audiences are not accepted", "accept them in Ads Manager"),
        1870092: _person("the terms of the business tools are not accepted", "accept them in Ads Manager"),
        1870165: _refused("for minors only age and location can be targeted"),
        1870199: _refused("location_types is no longer accepted"),
        1885029: _refused("the page does not match"),
        1885088: _refused("the ad is archived; only its name can change", "leave it"),
        1885183: _person("the post was made by an app in development mode", "switch the app to live mode"),
        1885204: _refused("the goal needs automatic bidding"),
        1885272: _refused("the budget is too low", _RAISE),
        1885557: _refused("the promoted post is not available"),
        1885621: _refused("both the campaign and the ad set have a budget", "leave it to one of them"),
        1885650: _refused("the budget is under what was spent already", _RAISE),
        2238055: _refused("the campaign's budget is too low for its ad sets", _RAISE),
        2446149: _refused("the Instagram ids contradict each other"),
        2446173: _refused("the label of an asset rule is not known"),
        2446211: _refused("the creative cannot be read", "leave it out"),
        2446289: _refused("the promoted post is not available"),
        2446307: _refused("the campaign's spend cap is under the minimum"),
        2446347: _refused("an ad on an existing post needs use_existing_post"),
        2446383: _refused("the objective needs a website address and a call to action"),
        2446394: _refused("a detailed targeting option is gone", "take it out of the targeting"),
        2446509: _refused("the destination type is not valid"),
        2446580: _refused("components and child_attachments are both given"),
        2446712: _refused("the store-visits goal was retired"),
        2446867: _refused("the limit of Advantage+ shopping campaigns in this country is reached"),
        2446880: _person("the WhatsApp number is disconnected", "connect it again"),
        2490085: _refused("the crop 191x100 was retired"),
        2490155: _refused("the promoted post is not available"),
        2490372: _refused("a shop destination is needed"),
        2490408: _refused("the objective can be read but no longer created", "use an OUTCOME_ objective"),
        2490427: _refused("the ad was rejected in review", "make a new ad"),
        2490468: _refused("the ad was rejected in review", "make a new ad"),
        2708008: _person("not authorised for political ads", _BROWSER),
        2859015: _person("the account is blocked for now", _BROWSER),
        3858064: _refused("for minors only age and location can be targeted"),
        3858082: _refused("the enrolment in standard enhancements is missing"),
        3858152: _refused("ads in the EU need a beneficiary and a payer", "set dsa_beneficiary and dsa_payor"),
        3858258: _refused("the image could not be fetched"),
        3867105: _refused("the partnership content cannot be used"),
        3910001: _throttled("trouble with the account, Meta asks to try later", 3_600, own=True),
        4834002: _refused("budget sharing of ad sets goes without a campaign budget"),
        4834005: _refused("budget sharing of ad sets needs a bid strategy"),
        4834006: _refused("budget sharing of ad sets is not possible here"),
        4834009: _refused("budget sharing of ad sets is not possible here"),
        4834011: _refused("is_adset_budget_sharing_enabled is missing"),
    }
)

CODES: MappingProxyType[int, Rule] = MappingProxyType(
    {
        -1: _uncertain("internal error of Meta's insights"),
        -2: _uncertain("Meta's report failed"),
        -3: _uncertain("the report is too large", Retry.SMALLER),
        1: _uncertain("unknown error on Meta's side"),
        2: _uncertain("Meta's service is down for the moment"),
        3: _person("the app lacks the capability for this call", "ask Meta for it in the app's dashboard"),
        4: _throttled("the app's limit of requests is reached", 300),
        10: _person("the app lacks the permission for this call", _GRANT),
        17: _throttled("the account's limit of requests is reached", 300),
        32: _throttled("the page's limit of requests is reached", 300),
        99: _uncertain("unknown error on Meta's side"),
        100: _refused("a parameter is not valid"),
        102: _person("the session of the token is not valid", _TOKEN),
        104: _person("the signature of the call is wrong", "META_APP_SECRET must belong to the token's app"),
        105: _refused("too many parameters"),
        190: _person("the access token is not valid", _TOKEN),
        194: _refused("a parameter is missing"),
        222: _refused("the video cannot be used"),
        300: _refused("the change was not possible"),
        341: _throttled("the app's limit is reached", 300),
        351: _refused("the video file cannot be used"),
        352: _refused("the video's format is not supported"),
        368: _person("Meta has blocked this action as abusive", _BROWSER),
        382: _refused("the video file is too small"),
        389: _refused("the video could not be fetched from its address"),
        506: _refused("the same was posted just before"),
        613: _throttled("calls of this kind are limited", 300),
        803: Rule(Class.GONE, "the object does not exist", "check its id"),
        960: _uncertain("the batch took Meta too long", Retry.SMALLER),
        2500: _refused("Meta cannot read the path of the request"),
        2601: _uncertain("the report is not ready yet"),
        2606: _refused("no preview is possible"),
        2607: _refused("the currency is not valid"),
        2615: _refused("the account cannot be changed like this"),
        2635: _person("this version of the Graph API has ended", "install a newer release of stakazo"),
        2641: _refused("the location is restricted"),
        2654: _refused("the audience could not be made"),
        2703: _refused("the rule is not valid"),
        3018: _refused("Meta keeps insights for 37 months only", "begin later"),
        5000: _uncertain("unknown error on Meta's side"),
        6000: _uncertain("the video could not be uploaded"),
        6001: _refused("the video cannot be used"),
    }
)

# Inclusive ranges, for what has no row of its own.
RANGES: tuple[tuple[int, int, Rule], ...] = (
    (200, 299, _person("a permission is missing", _GRANT)),
    (80_000, 80_014, _throttled("the hourly limit of this kind of call on the account is reached", 600)),
)

SMALLER_TEXT = "reduce the amount of data"
TOO_MUCH = _uncertain("too much data for one answer", Retry.SMALLER)
UNLISTED = _refused("an error without a row in our table")
WRONG_PROOF_TEXT = "appsecret_proof"
WRONG_PROOF = _person("Meta does not accept the app secret's proof", "META_APP_SECRET must belong to the token's app")


def find_rule(code: int, subcode: int | None, text: str) -> Rule:
    """The row that says most about this error; `text` decides only where Meta gives no number for it."""
    if SMALLER_TEXT in text:
        return TOO_MUCH
    if code == 100 and WRONG_PROOF_TEXT in text:  # noqa: PLR2004 - "invalid parameter", and only the text says which
        return WRONG_PROOF
    if subcode is not None and (code, subcode) in PAIRS:
        return PAIRS[code, subcode]
    for number in (subcode, code):
        if number is not None and number in SPECIFIC:
            return SPECIFIC[number]
    if code in CODES:
        return CODES[code]
    return next((rule for low, high, rule in RANGES if low <= code <= high), UNLISTED)
