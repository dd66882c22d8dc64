"""Public facts about where ads can be aimed at: ISO 3166 countries, some regions and cities, and languages.

Keys of regions and cities are made up: what a caller gets from a search it can send back, and nothing else is promised.
"""

from dataclasses import dataclass
from typing import Final

from sandbox.market.dice import object_key

_COUNTRIES: Final = (
    "AD Andorra|AE United Arab Emirates|AF Afghanistan|AG Antigua & Barbuda|AI Anguilla|AL Albania|AM Armenia|"
    "AO Angola|AQ Antarctica|AR Argentina|AS Samoa (American)|AT Austria|AU Australia|AW Aruba|AX Åland Islands|"
    "AZ Azerbaijan|BA Bosnia & Herzegovina|BB Barbados|BD Bangladesh|BE Belgium|BF Burkina Faso|BG Bulgaria|"
    "BH Bahrain|BI Burundi|BJ Benin|BL St Barthelemy|BM Bermuda|BN Brunei|BO Bolivia|BQ Caribbean NL|BR Brazil|"
    "BS Bahamas|BT Bhutan|BV Bouvet Island|BW Botswana|BY Belarus|BZ Belize|CA Canada|CC Cocos (Keeling) Islands|"
    "CD Democratic Republic of the Congo|CF Central African Rep.|CG Republic of the Congo|CH Switzerland|"
    "CI Côte d'Ivoire|CK Cook Islands|CL Chile|CM Cameroon|CN China|CO Colombia|CR Costa Rica|CV Cape Verde|"
    "CW Curaçao|CX Christmas Island|CY Cyprus|CZ Czech Republic|DE Germany|DJ Djibouti|DK Denmark|DM Dominica|"
    "DO Dominican Republic|DZ Algeria|EC Ecuador|EE Estonia|EG Egypt|EH Western Sahara|ER Eritrea|ES Spain|"
    "ET Ethiopia|FI Finland|FJ Fiji|FK Falkland Islands|FM Micronesia|FO Faroe Islands|FR France|GA Gabon|"
    "GB United Kingdom|GD Grenada|GE Georgia|GF French Guiana|GG Guernsey|GH Ghana|GI Gibraltar|GL Greenland|"
    "GM Gambia|GN Guinea|GP Guadeloupe|GQ Equatorial Guinea|GR Greece|"
    "GS South Georgia & the South Sandwich Islands|GT Guatemala|GU Guam|GW Guinea-Bissau|GY Guyana|HK Hong Kong|"
    "HM Heard Island & McDonald Islands|HN Honduras|HR Croatia|HT Haiti|HU Hungary|ID Indonesia|IE Ireland|"
    "IL Israel|IM Isle of Man|IN India|IO British Indian Ocean Territory|IQ Iraq|IS Iceland|IT Italy|JE Jersey|"
    "JM Jamaica|JO Jordan|JP Japan|KE Kenya|KG Kyrgyzstan|KH Cambodia|KI Kiribati|KM Comoros|KN St Kitts & Nevis|"
    "KR South Korea|KW Kuwait|KY Cayman Islands|KZ Kazakhstan|LA Laos|LB Lebanon|LC St Lucia|LI Liechtenstein|"
    "LK Sri Lanka|LR Liberia|LS Lesotho|LT Lithuania|LU Luxembourg|LV Latvia|LY Libya|MA Morocco|MC Monaco|"
    "MD Moldova|ME Montenegro|MF St Martin (French)|MG Madagascar|MH Marshall Islands|MK North Macedonia|ML Mali|"
    "MM Myanmar|MN Mongolia|MO Macau|MP Northern Mariana Islands|MQ Martinique|MR Mauritania|MS Montserrat|"
    "MT Malta|MU Mauritius|MV Maldives|MW Malawi|MX Mexico|MY Malaysia|MZ Mozambique|NA Namibia|NC New Caledonia|"
    "NE Niger|NF Norfolk Island|NG Nigeria|NI Nicaragua|NL Netherlands|NO Norway|NP Nepal|NR Nauru|NU Niue|"
    "NZ New Zealand|OM Oman|PA Panama|PE Peru|PF French Polynesia|PG Papua New Guinea|PH Philippines|PK Pakistan|"
    "PL Poland|PM St Pierre & Miquelon|PN Pitcairn|PR Puerto Rico|PS Palestine|PT Portugal|PW Palau|PY Paraguay|"
    "QA Qatar|RE Réunion|RO Romania|RS Serbia|RU Russia|RW Rwanda|SA Saudi Arabia|SB Solomon Islands|"
    "SC Seychelles|SD Sudan|SE Sweden|SG Singapore|SH St Helena|SI Slovenia|SJ Svalbard & Jan Mayen|SK Slovakia|"
    "SL Sierra Leone|SM San Marino|SN Senegal|SO Somalia|SR Suriname|SS South Sudan|ST Sao Tome & Principe|"
    "SV El Salvador|SX St Maarten (Dutch)|SZ Eswatini (Swaziland)|TC Turks & Caicos Is|TD Chad|"
    "TF French S. Terr.|TG Togo|TH Thailand|TJ Tajikistan|TK Tokelau|TL East Timor|TM Turkmenistan|TN Tunisia|"
    "TO Tonga|TR Turkey|TT Trinidad & Tobago|TV Tuvalu|TW Taiwan|TZ Tanzania|UA Ukraine|UG Uganda|"
    "UM US minor outlying islands|US United States|UY Uruguay|UZ Uzbekistan|VA Vatican City|VC St Vincent|"
    "VE Venezuela|VG Virgin Islands (UK)|VI Virgin Islands (US)|VN Vietnam|VU Vanuatu|WF Wallis & Futuna|"
    "WS Samoa (western)|YE Yemen|YT Mayotte|ZA South Africa|ZM Zambia|ZW Zimbabwe"
)
# Regions, each with its country before it and some of its cities after it.
_REGIONS: Final = (
    "ES Community of Madrid=Madrid,Getafe,Alcobendas|ES Catalonia=Barcelona,Girona,Tarragona|"
    "ES Andalusia=Seville,Malaga,Granada|ES Valencian Community=Valencia,Alicante|"
    "ES Basque Country=Bilbao,San Sebastian|US California=Los Angeles,San Francisco,San Diego|"
    "US New York=New York,Buffalo|US Texas=Austin,Houston,Dallas|US Illinois=Chicago|US Florida=Miami,Orlando|"
    "US Washington=Seattle|US Massachusetts=Boston|DE Berlin=Berlin|DE Bavaria=Munich,Nuremberg|"
    "DE Hamburg=Hamburg|DE Hesse=Frankfurt am Main|DE Saxony=Leipzig,Dresden|FR Ile-de-France=Paris,Versailles|"
    "FR Provence-Alpes-Cote d'Azur=Marseille,Nice|FR Occitanie=Toulouse|FR Auvergne-Rhone-Alpes=Lyon|"
    "GB England=London,Manchester,Birmingham,Leeds|GB Scotland=Edinburgh,Glasgow|GB Wales=Cardiff|IT Lazio=Rome|"
    "IT Lombardy=Milan,Bergamo|IT Campania=Naples|IT Piedmont=Turin|IT Tuscany=Florence|"
    "PT Lisbon District=Lisbon|PT Porto District=Porto,Matosinhos|NL North Holland=Amsterdam,Haarlem|"
    "MX Mexico City=Mexico City|MX Jalisco=Guadalajara|MX Nuevo Leon=Monterrey|"
    "AR Buenos Aires=Buenos Aires,La Plata|AR Cordoba=Cordoba|BR Sao Paulo=Sao Paulo,Campinas|"
    "BR Rio de Janeiro=Rio de Janeiro|CA Ontario=Toronto,Ottawa|CA Quebec=Montreal|CA British Columbia=Vancouver|"
    "AU New South Wales=Sydney|AU Victoria=Melbourne|JP Tokyo=Tokyo|JP Osaka Prefecture=Osaka|"
    "PL Masovian Voivodeship=Warsaw|PL Lesser Poland Voivodeship=Krakow|IE County Dublin=Dublin"
)
_LANGUAGES: Final = (
    "6 English (US)|24 English (UK)|1001 English (All)|23 Spanish|7 Spanish (Spain)|1002 Spanish (All)|5 German|"
    "9 French (France)|44 French (Canada)|1003 French (All)|10 Italian|16 Portuguese (Brazil)|31 Portuguese (Portugal)|"
    "1005 Portuguese (All)|14 Dutch|15 Polish|17 Russian|18 Swedish|11 Japanese|12 Korean|28 Arabic|19 Turkish|"
    "1 Catalan|20 Simplified Chinese (China)|3 Danish|8 Finnish|13 Norwegian (bokmal)|2 Czech|30 Hungarian|39 Greek|"
    "52 Ukrainian"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A country, region or city; `region` and `region_key` are a city's."""

    kind: str
    key: str
    name: str
    country: str
    region: str | None = None
    region_key: str | None = None


COUNTRIES: Final[dict[str, str]] = {row[:2]: row[3:] for row in _COUNTRIES.split("|")}
LANGUAGES: Final[dict[int, str]] = {
    int(number): name for number, _, name in (row.partition(" ") for row in _LANGUAGES.split("|"))
}


def _key(*names: str) -> str:
    return str(object_key(0, *"/".join(names).encode()) % 3_000_000 + 1_000)


def _below(text: str) -> list[Place]:
    """Return a region and its cities."""
    country, _, rest = text.partition(" ")
    region, _, cities = rest.partition("=")
    key = _key(country, region)
    return [
        Place(kind="region", key=key, name=region, country=country),
        *(
            Place(kind="city", key=_key(country, region, city), name=city, country=country, region=region,
                  region_key=key)
            for city in cities.split(",")
        ),
    ]  # fmt: skip


PLACES: Final[tuple[Place, ...]] = (
    *(Place(kind="country", key=code, name=name, country=code) for code, name in COUNTRIES.items()),
    *(place for text in _REGIONS.split("|") for place in _below(text)),
)
