"""Invented words: people, firms, places and phrases of a company that cleans ducts and fixes furnaces.

Phone numbers lie in the 555-01xx range and mail addresses in example domains, so nothing here reaches a
person.
"""

from decimal import Decimal

from transload_sandbox.kickserv.wire import names


def _phrases(text: str) -> list[str]:
    return text.split("|")


FIRST_NAMES = names(
    "Odette Marla Corwin Delphine Greta Lorna Piers Ansel Ruben Ezra Hugo Thea Willa Ingrid Celia Noreen "
    "Maeve Lucius Xander Pascal Callum Bettina Wilda Leda Björn Zoë José Søren Renée Łukasz Anaïs Chloë "
    "Márton Ionuț Đorđe Åse"
)
LAST_NAMES = names(
    "Yarrow Calloway Lomax Farnham Hadlow Wexley Rathbone Tindall Fosdick Eastlake Birkett Kettering Iverley "
    "Dunmore Thackeray Ferrow Mosley Percy Pruitt Zeller Kirkby O'Hollow Núñez-Farrow Ångström Šimůnek "
    "D'Arbanville Müllerhof Wójtowicz Østerlund Quincy-Alder"
)
STREETS = _phrases(
    "Eldon Farleigh Drive|Gorsewood Way|Highmoor Drive|Longfield Way|Fernley Rushmere|Islington Court|"
    "Larkfield Way|Brookhollow Lane|Quarry Hill Road|Old Mill Rd|Elmstead Ave|Maple & 3rd|Saint-Rémy Terrace"
)
PLACES = [
    tuple(place.split(":"))
    for place in _phrases(
        "Vinewood:62067|Upland:62081|Yewdale:62095|Zephyr:62053|Cedarvale:62011|Pinecrest:62039|Ridgemont:62102|"
        "Wheatley :62110-0417|Drummond:62015"
    )
]
BUSINESS_STEMS = _phrases(
    "Beacon|Lantern|Anchor|Prairie|Copper Kettle|Blue Heron|Keystone|Old Mill|Four Winds|Café Lumière|"
    "Hollow Oak|Tri-County"
)
BUSINESS_KINDS = _phrases(
    "Heating and Air|Property Management|Dental Group|Bakery & Sons|Apartments|Storage, LLC|"
    "Veterinary Clinic|Hotel <East>|School District 12|Church of the Valley|Brewing Co."
)
LONG_BUSINESS = (
    "The Honorable Trustees of the Consolidated Prairie Valley Cooperative Housing, Cold Storage, Grain"
    " Handling and Mutual Improvement Association of Upland, Zephyr and Yewdale Counties"
    " (North Campus Billing)"
)
SITES = ("North Campus", "Warehouse 2", "Unit 14-B", "Main St. location", "Boiler house", "Clubhouse")
SOURCES = (
    "Internet:Anchor Web",
    "Internet:Service Lantern",
    "Referral:All Beacon Air",
    "From advertisement:Van Ad",
)
TITLES = ("Office manager", "Owner", "Facilities", "Accounts payable", "Tenant", "Property manager / spouse")
QB_CODES = (
    "MISDUCTS",
    "QVDUCTDRYEROXINE",
    "TR",
    "DH",
    "PVHSCCFDTWDUCTS",
    "TODUCTS",
    "KHDRYER",
    "MCDUCTSANDDRYER",
)
INSTRUCTIONS = (
    "DVC $150",
    "Gate code 4417#.\r\nDog is friendly, cat is not.",
    "Call 30 min before. Key under the blue pot <back door>",
    "COD ONLY **see notes**",
)
LONG_PHONE = "309-555-0186 (daytime only, ask for the night porter; do not text, leave a message with Xander)"
LONG_ZIP = "62067 (use the Elm St. entrance)"
CUSTOMER_NOTES = (
    "Pays by cheque; gate code with the office.",
    "Prefers mornings.\nDo not park on the lawn.",
    "Wife's name is Zoë; she decides. Приятная семья 🙂",
    "Was overcharged in the spring.\r\nCredit of $25 promised by the office.\r\n\r\nSee invoice.",
    "2 systems & 3 dryers, <attic> hatch is sticky",
    "  ",
    "<p>Called <b>twice</b>, no answer.</p><ul><li>1st: 8&nbsp;am</li><li>2nd: noon</li></ul>",
    "عميل مميز، يفضل الاتصال مساءً\n\u05e9\u05dc\u05d5\u05dd\n👩\u200d🔧 Zoë\u0301",
)
JOB_NOTES = (
    "Customer asked for a call 30 minutes before arrival.",
    "Thanks for choosing us!\nYour technician will text from the road.",
    'Needs a 10" coupling & two clamps <see photo>',
    "Left a voicemail.\r\nNo answer at the door; rescheduled.",
    "Systemdruck 1,5 bar; geprüft ✓ / température 21 °C",
    "Filter was black. Recommended quarterly change. 価格は説明済み",
    '<div>See <a href="https://example.com/manual?model=X&amp;page=2">the manual</a><br>Part № 7</div>',
    "Tab\tseparated\treadings:\n1\t68 °F\n2\t71 °F\n\n\n",
)
DESCRIPTIONS = (
    "leak in ceiling",
    "clogged drain",
    "$375, Ridgemont,, 1 system, 5492 sq ft, Before and after pictures.",
    "*** CALL FIRST ***\r\n2 systems          upstairs & down",
    "No heat since Sunday. Furnace ~15 yrs old.\nSmell of gas? checked, none.",
    "",
    "Annual service <plan B> ",
)
TASK_DESCRIPTIONS = ("Bring long brushes", "", "", "Ladder, 28 ft\r\nAsk for Zoë", None)
REMINDERS = ("Call back about dryer vent", "Send the winter offer", "Rückruf: Filter bestellt?")
FILE_DESCRIPTIONS = (None, None, "", "before", "after the repair, north side <wide>")
LONG_SENTENCE = (
    "The technician found the return plenum packed with construction dust, removed it by hand, sealed two"
    " joints with mastic, and advised the owner that the flexible run above the pantry sags and will need"
    " a strap before winter. "
)
LONG_JOB_NAME = (
    "Duct Cleaning Full, whole building: north wing supply and return, south wing supply only, roof units 1"
    " to 6, two dryer risers, kitchen exhaust to the fan, plus the follow-up visit that was promised by"
    " phone in the spring season"
)
INVOICE_TERMS = "Net 15 - Due 15 days from the date of job completion. "
INVOICE_NOTES = "There is a 1.5% monthly fee for past due invoices. Thank you for your business."
ESTIMATE_TERMS = "Bid price good for 7 days."
BALANCES = (Decimal(0), Decimal(0), Decimal(0), Decimal("235.0"), Decimal("-12.5"))
