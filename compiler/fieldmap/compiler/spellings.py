"""How people write units: the words that `as quantity` knows, by the unit of the language that they mean.

Each line is a unit of the language, its spellings in any case that is unambiguous, and behind `||` those that count only exactly
as they stand (rare units whose symbol differs from a common one by its capitals alone). A word that stands so for two units is refused:
`12 Mm` is millimetres in a shop and megametres in physics. Points, dashes and doubled blanks within a
spelling do not matter to the reader, so `sq. ft.` is written `sq ft` here. Superscripts are digits: `ft2`.
"""

from __future__ import annotations

import functools

from fieldmap.compiler import ir, units

_WRITTEN = """
inch         in|inch|inches|ins|"
foot         ft|foot|feet|linear ft|linear foot|linear feet|lin ft|'
yard         yd|yds|yard|yards|linear yd|linear yard|linear yards
mile         mi|mile|miles
thou         mil|mils|thou
mm           mm|MM|mms|millimeter|millimeters|millimetre|millimetres||Mm
cm           cm|cms|centimeter|centimeters|centimetre|centimetres
dm           dm|decimeter|decimeters|decimetre|decimetres
m            m|meter|meters|metre|metres|mtr|mtrs
km           km|kms|kilometer|kilometers|kilometre|kilometres
um           um|micron|microns|micrometer|micrometers|micrometre|micrometres
nm           nm|nanometer|nanometers|nanometre|nanometres
Mm           ||Mm

kg           kg|kgs|kilo|kilos|kilogram|kilograms|kilogramme|kilogrammes
g            g|gm|gms|gram|grams|gramme|grammes
mg           mg|MG|mgs|milligram|milligrams||Mg
Mg           ||Mg
ug           ug|mcg|microgram|micrograms
lb           lb|lbs|lbm|pound|pounds
grain        grain|grains
oz           oz|ozs|ounce|ounces
stone        st|stone|stones
metric_ton   t|tonne|tonnes|metric ton|metric tons
short_ton    ton|tons|short ton|short tons
long_ton     long ton|long tons
carat        ct|cts|carat|carats
troy_ounce   ozt|oz t|troy oz|troy ounce|troy ounces

liter        l|L|ltr|ltrs|liter|liters|litre|litres
ml           ml|mls|milliliter|milliliters|millilitre|millilitres
cl           cl|centiliter|centiliters|centilitre|centilitres
dl           dl|deciliter|deciliters|decilitre|decilitres
hl           hl|hectoliter|hectoliters|hectolitre|hectolitres
ul           ul|microliter|microliters|microlitre|microlitres
gallon       gal|gals|gallon|gallons|us gal|us gallon|us gallons
imperial_gallon  imp gal|imp gallon|imp gallons|imperial gal|imperial gallon|imperial gallons|uk gal|uk gallon|uk gallons
quart        qt|qts|quart|quarts
pint         pt|pts|pint|pints
cup          cup|cups
fluid_ounce  fl oz|floz|fl ozs|fluid oz|fluid ounce|fluid ounces|us fl oz
tablespoon   tbsp|tablespoon|tablespoons
teaspoon     tsp|teaspoon|teaspoons
bushel       bu|bushel|bushels
inch^3       cu in|cuin|cu inch|cu inches|cubic in|cubic inch|cubic inches|in3|inch3|inches3
foot^3       cu ft|cuft|cu feet|cubic ft|cubic foot|cubic feet|ft3|feet3
yard^3       cu yd|cu yds|cubic yd|cubic yard|cubic yards|yd3
m^3          cu m|cubic m|cubic meter|cubic meters|cubic metre|cubic metres|m3|cbm
cm^3         cc|cu cm|cubic cm|cubic centimeter|cubic centimeters|cubic centimetre|cubic centimetres|cm3|ccm

mm^3         cu mm|cubic mm|cubic millimeter|cubic millimeters|cubic millimetre|cubic millimetres|mm3
dm^3         cu dm|cubic dm|cubic decimeter|cubic decimeters|cubic decimetre|cubic decimetres|dm3

inch^2       sq in|sqin|sq inch|sq inches|square in|square inch|square inches|in2|inch2
foot^2       sq ft|sqft|sq feet|sq foot|square ft|square foot|square feet|ft2|feet2
yard^2       sq yd|sq yds|square yard|square yards|yd2
mile^2       sq mi|square mile|square miles|mi2
mm^2         sq mm|square mm|square millimeter|square millimeters|mm2
cm^2         sq cm|square cm|square centimeter|square centimeters|square centimetre|square centimetres|cm2
m^2          sq m|sqm|square m|square meter|square meters|square metre|square metres|m2
km^2         sq km|square km|square kilometer|square kilometers|square kilometres|km2
hectare      ha|hectare|hectares
acre         ac|acre|acres

second       s|sec|secs|second|seconds
ms           ms|msec|msecs|millisecond|milliseconds
us           us|microsecond|microseconds
ns           ns|nanosecond|nanoseconds
minute       min|mins|minute|minutes
hour         h|hr|hrs|hour|hours
day          d|day|days
week         wk|wks|week|weeks
month        mo|mos|month|months
year         yr|yrs|year|years

byte         B|byte|bytes
kB           kB|kilobyte|kilobytes
MB           MB|megabyte|megabytes
GB           GB|gigabyte|gigabytes|gig|gigs
TB           TB|terabyte|terabytes
PB           PB|petabyte|petabytes
KiB          KiB|kibibyte|kibibytes
MiB          MiB|mebibyte|mebibytes
GiB          GiB|gibibyte|gibibytes
TiB          TiB|tebibyte|tebibytes
bit          b|bit|bits
kbit         kb|kbit|kilobit|kilobits
Mbit         Mb|Mbit|megabit|megabits
Gbit         Gb|Gbit|gigabit|gigabits
Tbit         Tb|Tbit|terabit|terabits
kbit/s       kbps|kbit/s|kb/s
Mbit/s       Mbps|Mbit/s|Mb/s
Gbit/s       Gbps|Gbit/s|Gb/s
kB/s         kBps|kB/s
MB/s         MBps|MB/s
GB/s         GBps|GB/s

degC         °C|C|c|deg C|degC|degree C|degrees C|celsius|centigrade|deg celsius|degree celsius|degrees celsius|° celsius|° C
degF         °F|F|f|deg F|degF|degree F|degrees F|fahrenheit|deg fahrenheit|degree fahrenheit|degrees fahrenheit|° fahrenheit|° F
kelvin       K|kelvin|kelvins

watt         W|w|watt|watts
mW           mW|milliwatt|milliwatts
kW           kW|kilowatt|kilowatts
BTU/hour     BTU/h|BTU/hr|BTUH|BTUs/h|BTUs/hr|BTUs/hour|BTU/hour
refrigeration_ton  ton of refrigeration|tons of refrigeration
MW           MW|megawatt|megawatts
GW           GW|gigawatt|gigawatts
horsepower   hp|horsepower
joule        J|joule|joules
kJ           kJ|kilojoule|kilojoules
mJ           mJ|millijoule|millijoules
MJ           MJ|megajoule|megajoules
watt*hour    Wh|watt hour|watt hours
kW*hour      kWh|kilowatt hour|kilowatt hours
cal          cal|calorie
kcal         kcal|kilocalorie|kilocalories
BTU          BTU|BTUs
N*m          N m|Nm|newton meter|newton meters|newton metre|newton metres
lbf*ft       ft lb|ft lbs|ft lbf|lb ft|lbs ft|lbf ft|foot pound|foot pounds|pound feet|pound foot|ft pound|ft pounds
lbf*inch     in lb|in lbs|in lbf|lb in|lbs in|lbf in|inch pound|inch pounds|in pound|in pounds
ozf*inch     oz in|in oz

volt         V|v|volt|volts
mV           mV|millivolt|millivolts||MV
kV           kV|kilovolt|kilovolts
MV           ||MV
ampere       A|a|amp|amps|ampere|amperes
mA           mA|milliamp|milliamps|milliampere|milliamperes||MA
uA           uA|microamp|microamps
MA           ||MA
A*hour       Ah|amp hour|amp hours|ampere hour|ampere hours
mA*hour      mAh|milliamp hour|milliamp hours
ohm          Ω|ohm|ohms
kohm         kΩ|kohm|kohms|kilohm|kilohms
megaohm      MΩ|megohm|megohms|megaohm
milliohm     mΩ|milliohm|milliohms
hertz        Hz|hertz
kHz          kHz|kilohertz
MHz          MHz|megahertz||mHz
GHz          GHz|gigahertz
mHz          ||mHz
rpm          rpm|rev/min|r/min|revolutions/minute
uF           uF|mfd|microfarad|microfarads
nF           nF|nanofarad|nanofarads
pF           pF|picofarad|picofarads
lumen        lm|lumen|lumens
lux          lx|lux
candela      cd|candela|candelas

psi          psi|psig|lb/in2|lbs/in2|lb/sq in|lbs/sq in|lbf/in2|pounds/square inch|pounds/sq in
inHg         inHg|in Hg|inches of mercury|inch of mercury
mmHg         mmHg|mm Hg
bar          bar|bars
mbar         mbar|millibar|millibars
pascal       Pa|pascal|pascals
hPa          hPa|hectopascal|hectopascals
kPa          kPa|kilopascal|kilopascals
MPa          MPa|megapascal|megapascals||mPa
mPa          ||mPa
atm          atm|atmosphere|atmospheres
newton       N|newton|newtons
kN           kN|kilonewton|kilonewtons
lbf          lbf|pound force|pounds force
kgf          kgf|kilogram force|kilograms force

mile/hour    mph|mi/h|mi/hr|miles/hour|mile/hour
knot         kn|kt|kts|knot|knots
km/hour      km/h|kmh|kph|km/hr|km/hour|kilometers/hour|kilometres/hour
m/s          m/s|m/sec|m/second|meters/second|metres/second|mps
ft/s         ft/s|ft/sec|ft/second|fps|feet/second
ft/minute    ft/min|fpm|ft/minute|feet/minute
gallon/minute  gpm|gal/min|gals/min|gallons/min|gal/minute|gallons/minute
gallon/hour  gph|gal/h|gal/hr|gal/hour|gallons/hour
liter/minute lpm|l/min|l/minute|liters/minute|litres/minute
liter/hour   lph|l/h|l/hr|l/hour|liters/hour|litres/hour
foot^3/minute  cfm|ft3/min|cu ft/min|ft3/minute|cu ft/minute|cubic feet/minute
m^3/hour     m3/h|m3/hr|cmh|m3/hour|cu m/h|cubic meters/hour|cubic metres/hour

degree       °|deg|degree|degrees
radian       rad|radian|radians
percent      %|pct|percent
ppm          ppm
each         each|ea|pc|pcs|piece|pieces|ct|cnt|count|unit|units
dozen        dozen|dozens|doz|dz
kg/m^3       kg/m3|kg/cu m|kg/cubic meter|kg/cubic metre
g/cm^3       g/cm3|g/cc|g/cu cm
g/ml         g/ml
kg/l         kg/l
g/l          g/l
mg/l         mg/l
lb/gallon    lb/gal|lbs/gal
g/m^2        gsm|g/m2|g/sq m
oz/yard^2    oz/yd2|oz/sq yd|ozs/sq yd|oz/square yard
lb/foot^2    lb/ft2|lbs/ft2|lb/sq ft|lbs/sq ft
lb/foot^3    lb/ft3|lbs/ft3|lb/cu ft|lbs/cu ft|pcf
lb/foot      lb/ft|lbs/ft|plf
kg/m         kg/m
"""


@functools.cache
def _known() -> tuple[tuple[ir.Unit, str], ...]:
    """The units of the list with their spellings; a unit that the registry lacks is left out (tests see that none is)."""
    found: list[tuple[ir.Unit, str]] = []
    for line in _WRITTEN.splitlines():
        token, _, words = line.strip().partition(" ")
        if token:
            try:
                found.append((units.parse(token), words.strip()))
            except units.UnknownUnitError:
                continue
    return tuple(found)


def missing() -> list[str]:
    """Units of the list that the registry does not know."""
    known = {unit.text for unit, _ in _known()}
    tokens = [line.split()[0] for line in _WRITTEN.splitlines() if line.strip()]
    return [token for token in tokens if token not in known]


def _without(words: str, word: str) -> str:
    common, _, strict = words.partition("||")
    return "||".join([common, "|".join(other for other in strict.split("|") if other != word)])


@functools.cache
def table(unit: ir.Unit) -> ir.Spellings:
    """The spellings of the units that measure what `unit` does; its own spelling is always among them."""
    own = [(entry, words) for entry, words in _known() if entry.dimension == unit.dimension]
    name = f"spellings of {unit.dimension}"
    if sum(unit.text in words.partition("||")[2].split("|") for _, words in own) > 1:
        # `12 Mm` for a field in Mm: the field says which of the two it is.
        own = [(entry, words if entry.text == unit.text else _without(words, unit.text)) for entry, words in own]
        name += f" and {unit.text}"
    spelled = {word for _, words in own for word in words.replace("||", "|").split("|")}
    if unit.text not in spelled:
        own.append((unit, f"||{unit.text}"))
        name += f" and {unit.text}"  # another table than that of a field in a unit that everybody has
    foreign: dict[str, list[str]] = {}
    for entry, words in _known():
        if entry.dimension != unit.dimension:
            foreign.setdefault(units.describe(entry), []).extend(
                word for word in words.replace("||", "|").split("|") if word
            )
    return ir.Spellings(
        name=name,
        needed=units.describe(unit),
        own=tuple((entry.factor, entry.offset, words) for entry, words in own),
        foreign=tuple((kind, "|".join(words)) for kind, words in foreign.items()),
    )
