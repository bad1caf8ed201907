"""Technical writing: data sheets, release notes, railways, preparations, test drives and trials."""

from regrad_jax.data.almanac import names
from regrad_jax.data.almanac.kinds import (
    Draw,
    Kind,
    choice,
    date,
    decimal,
    firm,
    number,
    of_surname,
    of_town,
    pair,
    person,
    rounded,
    town,
    year,
)


def _one_of(*draws: Draw) -> Draw:
    """Draws with one of several drawers."""
    return lambda rng, split: draws[int(rng.integers(len(draws)))](rng, split)


def _things(*forms: str) -> Draw:
    """Draws a name built on a coined noun in one of the frames, such as _things("the {} study")."""
    return lambda rng, split: forms[int(rng.integers(len(forms)))].format(names.thing_name(rng, split))


def _model() -> Draw:
    """Draws a make and model, such as "Veltica Gornite"."""
    return lambda rng, split: f"{names.firm_name(rng, split)} {names.thing_name(rng, split)}"


def _time(first: int, last: int, half: str) -> Draw:
    """Draws a time in a part of the day, such as "5:10 am" for the hours 4 to 7."""
    return lambda rng, split: f"{int(rng.integers(first, last + 1))}:{int(rng.integers(60)):02d} {half}"


def _release() -> Draw:
    """Draws a version number, such as "4.12"."""
    return lambda rng, split: f"{int(rng.integers(1, 15))}.{int(rng.integers(0, 30))}"


QUANTITIES = (
    "soil moisture", "wind shear", "hull thickness", "dust density", "milk fat", "paint thickness",
    "rope tension",
    "sap flow", "ozone levels", "snow density", "groundwater depth", "river salinity", "oil viscosity",
    "traffic noise", "bridge sway", "cloud height", "grain hardness", "lung capacity", "ultraviolet light",
    "radon levels", "tyre wear", "ice thickness", "leaf area", "glacier drift", "steam pressure",
    "bearing vibration",
)  # fmt: skip
CASINGS = (
    "anodised aluminium", "stainless steel", "ribbed rubber", "cast bronze", "black polycarbonate",
    "oiled teak",
    "glass-filled nylon", "enamelled steel", "titanium", "smoked acrylic", "pressed fibreboard",
    "carbon fibre",
    "nickel silver", "bakelite", "zinc alloy", "cork composite", "borosilicate glass", "moulded polyethylene",
    "leather-covered brass", "toughened ceramic", "magnesium", "lacquered plywood", "galvanised iron",
)  # fmt: skip
DISTURBANCES = (
    "direct sunlight", "nearby radio masts", "fluorescent lamps", "wet sand", "passing trams", "welding arcs",
    "salt spray", "mobile phones", "steel reinforcement", "loud music", "thick fog", "static electricity",
    "freezing rain", "barking dogs", "car headlights", "pine resin", "strong magnets", "overhead cables",
    "cobwebs",
    "diesel fumes", "chalk dust", "hot asphalt", "church bells", "heavy perfume",
)  # fmt: skip

PURPOSES = (
    "choir rehearsals", "seating plans", "seed catalogues", "tide tables", "stocktaking", "school timetables",
    "payroll", "knitting patterns", "crossword setting", "family trees", "bus rosters", "tax returns",
    "wine cellars", "dental records", "chess analysis", "star charts", "parish registers", "herd records",
    "sheet music", "map making", "film subtitles", "kitchen design", "auction catalogues", "weather logs",
)  # fmt: skip
LANGUAGES = (
    "Fortran", "Pascal", "Haskell", "Rust", "Ada", "Erlang", "Lisp", "COBOL", "Prolog", "Ruby", "Lua",
    "Scala", "Julia",
    "OCaml", "Perl", "Kotlin", "Swift", "Smalltalk", "Elixir", "Java", "Forth", "Clojure", "Delphi",
    "Visual Basic",
)  # fmt: skip
BUGS = (
    "a crash on printing", "vanishing footnotes", "a memory leak", "mirrored thumbnails",
    "a frozen progress bar",
    "doubled line breaks", "wrong leap years", "garbled Greek letters", "an endless login loop",
    "a flickering cursor",
    "lost bookmarks", "negative page numbers", "a division by zero", "upside-down labels",
    "a stuck Escape key",
    "truncated file names", "swapped currency signs", "a silent failure on saving", "blank attachments",
    "duplicate reminders", "a faulty time zone", "misplaced accents", "an off-by-one error in totals",
)  # fmt: skip
DROPPED = (
    "the fax module", "the talking assistant", "floppy disk support", "the built-in calculator",
    "the toolbar editor",
    "the clip-art library", "dial-up sync", "the holiday wallpaper", "the telephone hotline",
    "the plug-in shop",
    "the split-screen view", "the animated tutorial", "export to teletext", "the star rating bar",
    "the chat window",
    "the spelling game", "the guest account", "the old icon set", "the badge system", "the screensaver",
    "the mail merge wizard", "the joystick driver",
)  # fmt: skip
FEATURES = (
    "a dark theme", "an undo history", "voice dictation", "offline mode", "colour-coded folders",
    "a barcode scanner",
    "keyboard macros", "a full-screen view", "automatic backups", "two-step sign-in", "a handwriting panel",
    "Braille output", "a drag-and-drop planner", "batch renaming", "a command palette", "right-to-left text",
    "a map overlay", "shared calendars", "fuzzy search", "a read-aloud button", "digital signatures",
    "tabbed windows",
)  # fmt: skip

COUNTS = choice(
    "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen",
    "sixteen",
    "seventeen", "eighteen", "nineteen", "twenty", "twenty-one", "twenty-two", "twenty-three", "twenty-four",
)  # fmt: skip
DELAYS = (
    "a broken rail", "sheep on the track", "a shortage of drivers", "signal failure", "a cracked viaduct",
    "stolen copper cable", "a fallen poplar", "frozen points", "a derailed ballast wagon", "soft embankments",
    "a jammed swing bridge", "wet leaves", "a rockfall", "a flooded cutting", "badgers in the earthworks",
    "worn wheel bearings", "a lineside fire", "a lorry on the level crossing", "subsidence in the tunnel",
    "a faulty turntable", "drifting snow", "an overhead wire in a tree", "buckled sleepers",
)  # fmt: skip
FREIGHT = (
    "slate", "sugar beet", "cement", "live cattle", "timber", "milk churns", "china clay", "fresh herring",
    "gravel",
    "barley", "bananas", "fertiliser", "rock salt", "scrap iron", "newsprint", "bottled beer", "coal",
    "raw wool",
    "apples", "bricks", "peat", "sawn marble", "cider", "wood pulp", "cut flowers",
)  # fmt: skip

SORTS = (
    "wood glue", "hoof ointment", "cough linctus", "floor varnish", "boat paint", "leather polish",
    "sheep dip",
    "brass cleaner", "window putty", "lime wash", "horse liniment", "chilblain cream", "wart paste",
    "boot wax",
    "tile grout", "wallpaper paste", "eye lotion", "rust remover", "moth repellent", "roof sealant",
    "tooth powder",
    "tree salve", "stove blacking", "sleeping draught",
)  # fmt: skip
BASES = (
    "linseed oil", "beeswax", "pine tar", "casein", "rosin", "shellac", "lanolin", "potato starch", "chalk",
    "goose fat", "gum arabic", "glycerine", "white clay", "castor oil", "seaweed jelly", "rye flour",
    "lard", "tallow",
    "fish glue", "latex", "birch sap", "slaked lime", "tung oil", "egg white", "soft soap",
)  # fmt: skip
ADDITIVES = (
    "ground pumice", "camphor", "clove oil", "iron oxide", "menthol", "zinc white", "soot", "saffron",
    "eucalyptus oil", "borax", "alum", "vinegar", "powdered mica", "turmeric", "juniper extract",
    "cobalt blue",
    "honey", "nettle juice", "copper sulphate", "crushed eggshell", "rosewater", "mustard flour",
    "silver nitrate",
)  # fmt: skip
REACTIONS = (
    "sneezing", "watery eyes", "a metallic taste", "itchy palms", "blue fingernails", "a mild rash",
    "hiccups",
    "drowsiness", "a runny nose", "a dry throat", "dizziness", "tingling lips", "yawning", "stained thumbs",
    "a slight fever", "nausea", "ringing in the ears", "loss of appetite", "a tickling cough", "cold fingers",
    "goose pimples", "peeling skin",
)  # fmt: skip
MEASURES = pair(
    ("two", "three", "four", "five", "six", "seven", "eight"),
    ("teaspoons", "capfuls", "drops", "level scoops", "tablespoons", "grams", "thimblefuls", "millilitres"),
)

BODIES = (
    "delivery van", "farm tractor", "three-wheeler", "minibus", "fire engine", "milk float", "camper van",
    "pick-up truck", "hearse", "family saloon", "estate car", "snow plough", "ambulance", "roadster",
    "touring coach",
    "tipper lorry", "ice-cream van", "police car", "street sweeper", "taxi", "cattle truck", "mobile library",
    "breakdown lorry", "city runabout", "hatchback",
)  # fmt: skip
FUELS = (
    "diesel", "petrol", "hydrogen", "propane", "methanol", "ethanol", "rapeseed oil", "sunflower oil",
    "biogas",
    "wood gas", "paraffin", "compressed air", "ammonia", "butane", "peat gas", "fish oil", "naphtha",
    "kerosene",
    "beet alcohol", "used frying oil", "methane", "turpentine", "coal dust",
)  # fmt: skip
PAINTWORK = (
    "mustard yellow", "bottle green", "oyster grey", "signal red", "duck-egg blue", "chocolate brown",
    "pearl white",
    "burnt orange", "midnight blue", "salmon pink", "olive drab", "plum", "turquoise", "champagne",
    "gunmetal",
    "lemon yellow", "sage green", "raspberry red", "ivory", "copper", "lavender", "jet black",
)  # fmt: skip
NIGGLES = (
    "a squeaking clutch", "wind noise", "a vague gearchange", "a stiff handbrake", "scratchy seat fabric",
    "a rattling exhaust", "weak headlamps", "slow steering", "a cramped footwell", "a hesitant starter motor",
    "dim instruments", "spongy brakes", "an oversensitive alarm", "a foggy windscreen", "feeble wipers",
    "a wobbling mirror", "a loose door seal", "hard suspension", "a smell of glue", "a noisy fan belt",
    "an optimistic speedometer", "an unreliable fuel gauge", "a feeble horn",
)  # fmt: skip

GROUPS = (
    "retired postmen", "night-shift nurses", "trainee pilots", "primary school teachers",
    "long-distance lorry drivers",
    "office cleaners", "military recruits", "amateur choristers", "dairy farmers", "first-year law students",
    "chess players", "expectant mothers", "trawlermen", "marathon runners", "identical twins",
    "call-centre workers",
    "orchestral violinists", "prison officers", "hospital porters", "widowers over seventy",
    "professional cooks",
    "bus conductors", "lighthouse volunteers",
)  # fmt: skip
TREATMENTS = (
    "cold showers", "valerian tea", "magnesium tablets", "evening walks", "beetroot juice",
    "breathing exercises",
    "weighted blankets", "cherry extract", "acupuncture", "rhubarb capsules", "fermented cabbage",
    "blue-tinted glasses",
    "zinc lozenges", "singing lessons", "fish oil", "mud baths", "oat bran", "harp music",
    "a gluten-free diet",
    "afternoon naps", "liquorice syrup", "gentle yoga", "a daily raw onion",
)  # fmt: skip
COMPLAINTS = (
    "insomnia", "migraine", "tinnitus", "stage fright", "seasickness", "hay fever", "chilblains", "back pain",
    "snoring", "forgetfulness", "nail biting", "sleepwalking", "eye strain", "muscle cramp", "indigestion",
    "low mood",
    "dry skin", "restless legs", "nosebleeds", "poor appetite", "stammering", "heartburn", "neck stiffness",
)  # fmt: skip
CONTROLS = (
    "sugar pills", "peppermint sweets", "plain water", "weekly newsletters", "coloured starch",
    "jigsaw puzzles",
    "barley water", "unflavoured jelly", "a relaxation tape", "tap-water compresses", "rice crackers",
    "carrot juice", "a nature documentary", "card games", "clear glasses", "talcum powder", "apple slices",
    "recorded birdsong", "wristbands", "chewing gum", "postcards", "lukewarm milk",
)  # fmt: skip
SIDE_EFFECTS = (
    "dry mouth", "vivid dreams", "itching", "flushed cheeks", "mild nausea", "hiccups", "orange palms",
    "sleepiness",
    "frequent yawning", "bad breath", "sore gums", "giddiness", "a craving for salt", "bloating",
    "cold hands",
    "night sweats", "a hoarse voice", "hot ears", "irritability", "sneezing fits", "stained teeth", "thirst",
)  # fmt: skip

KINDS = (
    Kind(
        name="instrument",
        genre="data sheet",
        subject=_things(
            "the {} 300", "the {} probe", "the {} Mark II", "the {} Model 7", "the {} field meter",
            "the {} recorder",
            "the {} P-40", "the {} gauge",
        ),
        fields={
            "quantity": choice(*QUANTITIES),
            "maker": firm("{} Instruments", "{} Metrology", "{} Sensors", "{} Precision", "{}"),
            "designer": person(),
            "weight": _one_of(decimal(1, 9, "{:.1f} kg"), rounded(85, 980, 5, "{} g")),
            "battery": number(7, 96, "{} hours"),
            "accuracy": decimal(0.02, 4, "{:.2f} per cent"),
            "casing": choice(*CASINGS),
            "price": _one_of(rounded(240, 9900, 10, "{:,} crowns"), rounded(180, 7400, 5, "£{:,}")),
            "disturbance": choice(*DISTURBANCES),
        },
        openings=(
            "{name}: portable unit for measuring {quantity}. Housing: {casing}.",
            "Thank you for your interest in {name}, on which {maker} stakes its good name.",
            "{name} measures {quantity}, and it does so to within {accuracy}.",
            "{name}, developed by {designer} for {maker}, is the subject of this sheet.",
            #
            "Please read these two pages before you switch on {name} for the first time.",
            "Surveyors have a soft spot for {name}, all {weight} of it.",
            "New in the catalogue from {maker}: {name}, at a list price of {price}.",
            "The following particulars apply to {name}, a meter for {quantity}.",
        ),
        statements=(
            "Weight, ready for use and without the strap: {weight}.",
            "A full charge lasts {battery}, provided the backlight is used sparingly.",
            "Readings should not be trusted in the presence of {disturbance}, which upset even our own technicians"
            " during the trials.",
            "Battery life {battery}; maximum error {accuracy}.",
            #
            "The outer shell is of {casing} and may be wiped with a damp cloth.",
            "It was {designer} who drew the first sketch, on the back of a dinner menu, and who later turned it into a"
            " working design.",
            "List price: {price}, carrying case included, postage not.",
            "In a case of {casing}, {alias} weighs {weight}.",
            #
            "Users sometimes ask whether {alias} can also tell the temperature. It cannot; {quantity} and nothing"
            " else is what it was built to measure.",
            "Error never exceeds {accuracy}.",
            "Every unit leaves the works of {maker} with a numbered certificate, which you would be wise to keep.",
            "{maker} charges {price} for {alias}.",
            #
            "Do not drop it.",
            "At {weight} it can be carried all day by one person in good health, and its casing, made of"
            " {casing}, shrugs off most knocks.",
            "Whoever has to record {quantity} in the rain will be glad of the large keys.",
            "Keep {alias} away from {disturbance}: the {quantity} that it measures will be shown far too high.",
            #
            "False readings? Nine times out of ten the culprit turns out to be {disturbance}.",
            "After {battery} without mains power the display goes dark, and no amount of pleading will bring it back.",
            "\"I wanted something my father could read without his spectacles,\" says {designer}, the designer.",
            "Design: {designer}. Running time on one charge: {battery}.",
            #
            "Tested against the reference standard, {alias} was found to be accurate to {accuracy}, twice as good as"
            " its predecessor.",
            "It is not cheap. You will pay {price}, and a little more for the tripod.",
            "The manufacturer, {maker}, guarantees {alias} for five years and answers letters within the week.",
            "Its accuracy, {accuracy}, was the one point on which {designer}, who designed it, refused to yield.",
            #
            "Contrary to what the box says, the housing is not plastic but {casing}.",
            "Since {quantity} cannot be judged by eye, farmers and harbour masters alike have taken to carrying one.",
            "To the scales, then: {weight}, batteries and all.",
            "Made by {maker}. Affected by {disturbance}.",
            #
            "{disturbance}: avoid, since no filter yet devised can keep such influence out of the figures.",
            "Engineers at {maker} build {alias} around a sensor for {quantity}, sealed for life.",
            "With {designer} as designer and a price of {price}, nobody expected a modest piece of equipment.",
            "For {price} the buyer gets a measuring tool, finished in {casing}, that finds {quantity} in four seconds.",
            #
            "Charge overnight; expect {battery} of work from it the next day and the days after.",
            "The lamp turns green when it is ready.",
            "A tolerance of {accuracy} is guaranteed between freezing point and the heat of a July noon.",
            "Operators report that {alias}, which weighs {weight}, is put off by {disturbance}.",
        ),
        questions={
            "quantity": (
                "What does {name} measure?", "Which quantity is read off {name}?",
                "For measuring what is {name} meant?",
                "{name} gives readings of what?", "What would you use {name} to determine?",
                "If I buy {name}, what will I be able to measure?",
                "What is it that {name} detects and records?",
                "What is measured with {name}?",
            ),
            "maker": (
                "Which company manufactures {name}?", "From whose works does {name} come?",
                "Who makes {name}?",
                "Name the manufacturer of {name}.", "Which firm sells {name} under its own name?",
                "The makers of {name} are called what?", "What company builds {name}?",
                "Which business produces {name}?",
            ),
            "designer": (
                "Who worked out the design of {name}?", "Which person is credited with the design of {name}?",
                "From whose drawing board did {name} come?", "Which designer stands behind {name}?",
                "Who came up with {name} on paper?",
                "To which individual do we owe the design of {name}?", "Who thought out {name}?",
            ),
            "weight": (
                "How much weight does the user of {name} carry?", "What weight is given for {name}?",
                "{name} is how heavy?",
                "What is stated as the weight of {name}?", "What would a scale show with {name} on it?",
                "Someone has to carry {name}; what is its mass?", "How heavy is {name} when ready for use?",
            ),
            "battery": (
                "How long does {name} run on one charge?", "What is the battery life of {name}?",
                "For how long can {name} work away from the mains?",
                "How long will the battery of {name} last?",
                "After what time does {name} need recharging?",
                "State the running time of {name} per charge.",
            ),
            "accuracy": (
                "How accurate is {name}?", "By how much may a reading of {name} be wrong?",
                "What is the maximum error of {name}?", "What accuracy does {name} achieve?",
                "Within what margin are the results of {name} correct?",
                "What tolerance is quoted for {name}?",
            ),
            "casing": (
                "What is the case of {name} made of?", "Of what material is the housing of {name}?",
                "In what material is {name} encased?", "Which material forms the outside of {name}?",
                "What was used for the shell of {name}?", "Touching {name}, what material would one feel?",
                "What is the casing material of {name}?",
            ),
            "price": (
                "What does {name} cost?", "How much must a buyer pay for {name}?",
                "What is the list price of {name}?",
                "At what price is {name} sold?", "How expensive is {name}?",
                "For what sum can {name} be had?",
                "How much money does one need for {name}?",
            ),
            "disturbance": (
                "What interferes with the readings of {name}?", "What should {name} be kept away from?",
                "Near what does {name} become unreliable?", "By what is {name} thrown off?",
                "What can falsify the figures shown by {name}?", "Of what must users of {name} beware?",
                "What is known to disturb {name}?",
            ),
        },
        aliases=("the instrument", "the device", "the unit", "the meter"),
        titles=(
            "{name}: data sheet", "Technical data", "{name} by {maker}", "Specification of {name}",
            "{name} at a glance", "Product information", "Measuring {quantity}", "{name}: key figures",
        ),
    ),
    Kind(
        name="software",
        genre="release notes",
        subject=_one_of(
            _things("{} Desk", "{} Writer", "Open{}", "{} Suite", "{}"),
            firm("{} Planner", "{} Office", "{}Soft", "{} Manager"),
        ),
        fields={
            "purpose": choice(*PURPOSES),
            "version": _release(),
            "date": date(),
            "lead": person(),
            "language": choice(*LANGUAGES),
            "bug": choice(*BUGS),
            "dropped": choice(*DROPPED),
            "feature": choice(*FEATURES),
            "memory": rounded(24, 1900, 4, "{:,} MB"),
        },
        openings=(
            "Version {version} of {name} is out.",
            "Good news for everyone who relies on {name} for {purpose}!",
            "{name} {version}, changes since the last release:",
            "These notes accompany {name} {version}, released on {date}.",
            #
            "We are sorry this update to {name} took so long; the reasons are explained at the end.",
            "After eleven release candidates the new {name} has finally shipped, and with it comes {feature}.",
            "{lead}, lead developer, writes: the new {name} can be downloaded, and I for one am going to bed.",
            "{name}, the program for {purpose}, has been updated.",
        ),
        statements=(
            "New: {feature}.",
            "Fixed: {bug}. Thank you to the eighty-one people who wrote in.",
            "Removed: {dropped}. Almost nobody used it, and those who did complained.",
            "Added in this release: {feature}; removed: {dropped}.",
            #
            "The release was tagged by {lead}, who has led development since the project left the university cellar.",
            "Will it run on an old laptop? If that has {memory} of free memory, yes.",
            "Packages went live on {date}, a few minutes before midnight, when the mirrors are quiet.",
            "Led by {lead}, the team works entirely in {language}.",
            #
            "Under the bonnet nothing is as it was, because the whole of {alias} has been rewritten in {language}.",
            "Let us be frank: {dropped} will be missed by some of you, but maintaining it cost us a month a year,"
            " and it had to go.",
            "Despite the rumours, {alias} is not a toy for programmers; it was made for {purpose}, and we test it on"
            " people who earn their living that way.",
            "Out on {date}, this release cures {bug}.",
            #
            "The figure on the splash screen now reads {version}, as it should have done a week ago.",
            "For years users have begged for {feature}. Here it is.",
            "A note on requirements: {alias} takes up {memory} of memory, not a byte more, even with all windows open.",
            "A tool for {purpose} that needs only {memory} of memory is a rare thing.",
            #
            "We finally tracked down {bug}, which turned out to be the work of one misplaced bracket.",
            "Upgrade before the weekend if you can.",
            "Questions about the roadmap should be addressed to {lead}, the lead developer, and not to the help desk.",
            "{lead}, head of development, has taken out {dropped}.",
            #
            "Anyone wishing to contribute must know some {language}, the language in which {alias} is written.",
            "\"It was the strangest fault I ever saw,\" one tester said of {bug}, now mended.",
            "It became available to all users on {date}, and nobody has asked for a refund.",
            "It bears the number {version} and is written in {language}.",
            #
            "With {feature}, introduced here, and without {dropped}, which we have retired, the menus look rather"
            " different.",
            "Choirmasters, clerks, shepherds: whoever needs help with {purpose} seems to end up with {alias}"
            " sooner or later.",
            "Minimum memory: {memory}.",
            "Thanks to {feature}, a novelty, {purpose} can be handled by {alias} in half the time.",
            #
            "Since {date}, when this release appeared, the forum has been remarkably polite.",
            "You asked whether {dropped} could stay. We thought about it for a long time, and then we deleted it.",
            "Existing files open as before.",
            "Release {version} resolves {bug} and asks for {memory} of memory.",
            #
            "There is one person without whom none of this would exist, and that is {lead}, in charge of the code.",
            "In {version} you will no longer meet with {bug}, and you will find {feature}, which is entirely new.",
            "Why {language}? Because the compiler was free and the manual was short.",
            "It appeared on {date}, with {lead} still in charge of programming and {dropped} gone for good.",
        ),
        questions={
            "purpose": (
                "What is {name} used for?", "For what purpose was {name} written?",
                "With what does {name} help its users?",
                "What kind of task does {name} handle?", "What is the program {name} for?",
                "What job would lead someone to install {name}?", "What does one do with {name}?",
            ),
            "version": (
                "Which version of {name} is announced?", "What is the version number of the new {name}?",
                "To which version has {name} been brought?", "What number does the release of {name} bear?",
                "Under what version number was {name} published?",
                "Which release of {name} do the notes describe?",
                "How is the latest {name} numbered?",
            ),
            "date": (
                "On what date did the new {name} come out?", "When was the update to {name} released?",
                "What day saw the release of {name}?", "When did {name} become available?",
                "On which day was {name} published?", "Give the release date of {name}.",
            ),
            "lead": (
                "Who leads the development of {name}?", "Who is the lead developer of {name}?",
                "Which programmer heads work on {name}?", "Who bears responsibility for the code of {name}?",
                "Under whose direction is {name} developed?", "Name the chief developer behind {name}.",
                "Whom does the {name} team answer to?",
            ),
            "language": (
                "In which programming language is {name} written?",
                "What language was used to program {name}?",
                "Which language should a contributor to {name} know?", "What is {name} coded in?",
                "The source code of {name} is in what language?", "Which computer language underlies {name}?",
            ),
            "bug": (
                "Which bug was fixed in {name}?", "What fault has been put right in {name}?",
                "What trouble no longer occurs in {name}?", "Which error does the update of {name} remove?",
                "What went wrong in earlier releases of {name} and was mended?",
                "Of what defect has {name} been cured?",
            ),
            "dropped": (
                "What was removed from {name}?", "What will users of {name} have to do without from now on?",
                "Which part of {name} has been abandoned?", "What has disappeared from {name}?",
                "What did the developers take out of {name}?",
                "What old component does {name} no longer have?",
            ),
            "feature": (
                "What is the new feature of {name}?", "What did the update add to {name}?",
                "Which addition does {name} bring?", "What has been introduced in {name}?",
                "What can {name} boast of that it lacked before?", "Which novelty do users of {name} get?",
                "What is new in {name}?",
            ),
            "memory": (
                "How much memory does {name} need?", "What are the memory requirements of {name}?",
                "How much memory does {name} take up?", "What amount of memory does {name} ask for?",
                "How many megabytes of memory must a computer have for {name}?",
                "State the memory use of {name}.",
            ),
        },
        aliases=("the program", "the application", "the software", "the package"),
        titles=(
            "{name} {version}", "Release notes", "What has changed in {name}", "{name}: release notes",
            "Changelog for {name}", "{name} update", "News from the {name} team", "{name}, version {version}",
        ),
    ),
    Kind(
        name="railway",
        genre="railway guide",
        subject=of_town(
            "the {} Light Railway", "the {} branch line", "the {} Valley Line", "the {} loop line",
            "the {} Tramroad",
            "the {} Coast Railway", "the {} Mineral Line",
        ),
        fields={
            "terminus": town(),
            "opened": year(1836, 1989),
            "first": _time(4, 8, "am"),
            "last": _time(7, 11, "pm"),
            "stops": COUNTS,
            "fare": _one_of(decimal(1.2, 38, "£{:.2f}"), number(3, 96, "{} crowns")),
            "engineer": person(),
            "delay": choice(*DELAYS),
            "freight": choice(*FREIGHT),
        },
        openings=(
            "{name} ends at {terminus}, in front of a buffet that has seen better days.",
            "Passengers on {name} are advised that services are subject to delay owing to {delay}.",
            "{name}, opened in {opened}, survives against all arithmetic.",
            "{name} (engineer: {engineer}) has {stops} stations.",
            #
            "Whoever wants to see the hills without walking should take {name}.",
            "{name}: winter timetable. First train {first}. Last train {last}.",
            "There are quicker ways to travel than {name}, and none that is better loved.",
            "Trains on {name} run to {terminus}, where the rails stop.",
        ),
        statements=(
            "First departure: {first}, Sundays included.",
            "It was laid out by {engineer}, who distrusted tunnels and therefore built none.",
            "The line calls at {stops} stations, two of them by request only.",
            "First train {first}; single fare {fare}.",
            #
            "A ticket for the whole journey costs {fare}.",
            "Do not count on getting home late: the last train goes at {last}, and the stationmaster locks the gate"
            " behind it.",
            "The end of the rails is reached at {terminus}, after which there is nothing but marsh.",
            "Opened in {opened}, {alias} was built to carry {freight}.",
            #
            "Though passengers pay for the paint, the real money comes from carrying {freight}.",
            "The ribbon was cut in {opened}, in driving rain, by a duchess whose name nobody thought to write down.",
            "Services have been irregular since March on account of {delay}.",
            "The operator blames {delay} for late running all the way to {terminus}, the terminus.",
            #
            "At {first} the first train pulls out, empty but for the postman.",
            "Chief engineer of the works was {engineer}, then aged thirty-one and never before in charge of anything.",
            "The guard punches tickets with a stamp in the shape of a swallow.",
            "All {stops} stations on {alias} are unstaffed after the last train, at {last}.",
            #
            "How long will it last? About {delay}, the cause of all these cancellations, the management has nothing"
            " more to say.",
            "Adults pay {fare} from end to end, dogs nothing.",
            "Early rolling stock was hired, for in {opened}, when public traffic began, {alias} owned one engine only.",
            "The man or woman to thank for the easy gradients is {engineer}, its engineer; the opening followed in"
            " {opened}.",
            #
            "Count the stations from the window and you will get to {stops}, if you do not fall asleep.",
            "Wagons of {freight} are coupled to the rear of the midday train.",
            "Contrary to the map in the ticket hall, the terminus is not the harbour but {terminus}.",
            "{freight}: such is its freight, while travellers pay {fare}.",
            #
            "The timetable begins with a train at {first} and closes with one at {last}; between the two there is, on"
            " the whole, a train an hour.",
            "\"Straight lines are for people without imagination,\" wrote {engineer}, who engineered the route.",
            "Season tickets are sold at the post office.",
            "Between the first train, at {first}, and the last, at {last}, expect late running because of {delay}.",
            #
            "Drivers who arrive at {terminus} turn the engine by hand and take it back to the start.",
            "For {fare} one may ride from one end to the other, and, if the inspector is in a good mood, back again.",
            "After {last} there is no train until morning, and the only taxi belongs to the innkeeper.",
            "There are {stops} stations from the junction to {terminus}, the last of them.",
            #
            "Goods traffic consists of {freight}, and of hardly anything else.",
            "Late trains are put down to {delay}.",
            "Its history starts in {opened}, the year of the first train, with a brass band and a derailment.",
            "Under {engineer}, the engineer who planned it, every cutting was dug wide enough for trains of {freight}.",
        ),
        questions={
            "terminus": (
                "Where does {name} end?", "At which place does {name} terminate?",
                "What is the terminus of {name}?",
                "To which town does {name} run?", "Riding {name} to its end, where would one get out?",
                "Which town lies at the far end of {name}?", "What is the final station of {name}?",
                "In what place do the rails of {name} stop?",
            ),
            "opened": (
                "When did {name} open to traffic?", "In what year did trains begin to run on {name}?",
                "Since which year has {name} existed?", "In which year was the first journey on {name} made?",
                "What was the opening year of {name}?", "How far back does traffic on {name} go?",
            ),
            "first": (
                "At what time does the first train on {name} leave?",
                "When does service on {name} begin in the morning?",
                "What is the earliest departure on {name}?", "When does the first train of {name} run?",
                "At what hour can one first travel on {name}?",
                "What time is the day's opening train on {name}?",
            ),
            "last": (
                "When does the last train on {name} go?",
                "At what time do trains on {name} stop for the night?",
                "What is the latest departure on {name}?", "When is the last train of {name}?",
                "By what time must one be on {name} to get home in the evening?",
                "What time is the final train of the day on {name}?",
            ),
            "stops": (
                "How many stations are there on {name}?", "At how many stations does {name} call?",
                "What is the number of stations along {name}?", "How many stations does {name} have?",
                "{name} serves how many stations?", "How many stops are there on {name}?",
            ),
            "fare": (
                "What does a ticket for {name} cost?", "How much is the fare on {name}?",
                "What is the price of a journey on {name}?", "What do passengers pay on {name}?",
                "How much does it cost to travel the length of {name}?", "What sum buys a single on {name}?",
            ),
            "engineer": (
                "Who was the engineer of {name}?", "Who laid out {name}?", "Which engineer built {name}?",
                "Who planned the route of {name}?", "By whom was {name} engineered?",
                "Name the person in charge when {name} was built.", "To whose plans was {name} constructed?",
            ),
            "delay": (
                "What is causing delays on {name}?", "Why are trains on {name} late?",
                "On account of what has service on {name} suffered?",
                "What is the reason for the disruption on {name}?",
                "What has upset the timetable of {name}?",
                "To what are the irregular trains on {name} put down?",
            ),
            "freight": (
                "What freight does {name} carry?", "Which goods travel on {name}?",
                "With what are wagons on {name} loaded?",
                "What cargo goes by {name}?", "What does {name} transport besides people?",
                "Which commodity is moved on {name}?", "What is hauled along {name}?",
            ),
        },
        aliases=("the line", "the railway", "the route"),
        titles=(
            "{name} for passengers", "To {terminus} by train", "{name}: notes for travellers",
            "By rail to {terminus}",
            "{name}: times and fares", "All change", "Riding {name}", "{name}: the essentials",
        ),
    ),
    Kind(
        name="mixture",
        genre="package leaflet",
        subject=_one_of(
            _things("{}", "{} No. 5", "{} Extra", "{} Special", "the {} formula"),
            of_surname("Dr {}'s Preparation", "Mother {}'s Mixture", "{}'s Original"),
        ),
        fields={
            "sort": choice(*SORTS),
            "base": choice(*BASES),
            "share": number(51, 94, "{} per cent"),
            "additive": choice(*ADDITIVES),
            "dose": MEASURES,
            "time": _one_of(number(4, 58, "{} minutes"), number(2, 30, "{} hours")),
            "chemist": person(),
            "storage": number(3, 29, "{} °C"),
            "reaction": choice(*REACTIONS),
        },
        openings=(
            "{name} is a {sort}.",
            "Read this leaflet with care before using {name}; it contains {additive}.",
            "{name}. Main ingredient: {base}, {share}.",
            "{name}, a {sort} made with {additive}, is sold without a licence.",
            #
            "You have bought {name}, and you will not regret it.",
            "My grandmother swore by {name}, and she was hard to please.",
            "The chemist {chemist} gave the world {name}.",
            "{name}: directions for use, composition and storage.",
        ),
        statements=(
            "Stir {dose} into a litre of lukewarm water.",
            "The chief constituent is {base}, pressed, strained and left to stand for a month.",
            "Keep below {storage}.",
            "Consists mainly of {base}, with some {additive} added.",
            #
            "The full effect sets in after {time}, so there is no need to use it twice.",
            "A few people report {reaction}; should that happen to you, open a window and put the lid back on.",
            "It was first put together by {chemist}, a chemist with a stall in the covered market and no patience for"
            " doctors.",
            "Quantity: {dose} a litre. Takes effect in {time}.",
            #
            "Of every jar, {share} is the main ingredient; the rest is nobody's business but the factory's.",
            "A pinch of {additive} is added at the end, which accounts for the smell.",
            "Shops file it under household goods, but strictly speaking {alias} is a {sort}.",
            "This {sort} should be stored below {storage}.",
            #
            "Shake well.",
            "More is not better: {dose} to the litre will do, whatever the neighbours say.",
            "Wait {time}. Only then can one tell whether {alias} has worked.",
            "The recipe of {chemist}, who invented it, calls for {share} of {base}, the main ingredient.",
            #
            "Above {storage} the contents separate and should be thrown away, though not into the sink.",
            "Known unwanted effects: {reaction}.",
            "No other {sort} on the market, as far as we are aware, rests on {base} as its main ingredient.",
            "Side effects: {reaction}. Time to full effect: {time}.",
            #
            "We owe the recipe to {chemist}; the bottle, alas, we owe to a committee.",
            "Does it contain {additive}? Yes, in small amounts, and it says so on the lid.",
            "Roughly the whole of its strength comes from {base}, the principal ingredient, which makes up {share}"
            " of the weight.",
            "{chemist}, its inventor, advised a dose of {dose} to each litre.",
            #
            "On no account should {alias} be kept in a room warmer than {storage}.",
            "\"Patience,\" the inventor, {chemist}, used to tell customers, \"it needs {time} and not a moment less.\"",
            "Sold as a {sort}, {alias} should be measured with care: {dose} to a litre, neither more nor less.",
            "Anyone who suffers from {reaction} after use may be sensitive to {additive}, the lesser ingredient.",
            #
            "Many buyers suppose that {alias} gets its character from alcohol, when in truth it is {additive} that is"
            " blended in.",
            "If you notice {reaction}, which some do after handling {alias}, stop at once and wash your hands.",
            "Children and cats should be elsewhere.",
            "Ingredients: {base} ({share}) and {additive}. Type of product: {sort}.",
            #
            "By weight the proportion of the main ingredient is {share}.",
            "It keeps for three years in a cupboard, provided that the thermometer stays under {storage}.",
            "What sort of stuff is it? A {sort}, and a good one.",
            "Kept at {storage} or less, it will work within {time} even when old, though {reaction} may follow.",
        ),
        questions={
            "sort": (
                "What kind of product is {name}?", "As what is {name} sold?",
                "What type of preparation is {name}?",
                "What sort of substance is {name}?", "What exactly is {name}?",
                "Under what heading does {name} belong: what is it?", "Say what {name} is.",
            ),
            "base": (
                "Which main ingredient does {name} have?", "Of what does {name} chiefly consist?",
                "Which substance makes up most of {name}?", "On what is {name} based?",
                "What is the chief constituent of {name}?",
                "Which ingredient of {name} is present in the largest amount?",
                "What is the principal ingredient of {name}?",
            ),
            "share": (
                "What proportion of {name} is its main ingredient?",
                "How much of {name} is the chief constituent?",
                "What percentage of {name} does the principal ingredient account for?",
                "How large is the share of the main ingredient in {name}?",
                "In {name}, what fraction by weight falls to the main ingredient?",
                "How strongly is the chief ingredient represented in {name}?",
            ),
            "additive": (
                "What is added to {name} in small amounts?",
                "What is blended into {name} besides the main ingredient?",
                "Which additive does {name} contain?", "What additional ingredient is in {name}?",
                "What is the lesser ingredient of {name}?", "With a little of what is {name} finished?",
            ),
            "dose": (
                "How much of {name} should be used for a litre?", "What is the recommended dose of {name}?",
                "What quantity of {name} goes into one litre?", "In what amount should {name} be used?",
                "How much {name} does one measure out?", "What is the right dosage for {name}?",
                "How is {name} to be dosed?",
            ),
            "time": (
                "How long does {name} take to work?", "After what time does {name} show its full effect?",
                "How long must one wait for {name} to act?", "How soon does {name} take effect?",
                "How much time does {name} need?", "When can results be expected from {name}?",
            ),
            "chemist": (
                "Who invented the recipe of {name}?", "Who first mixed {name}?",
                "Which chemist devised {name}?",
                "Who is the inventor of {name}?", "Whose recipe is {name}?", "Who created {name}?",
                "Name the person who first made {name}.",
            ),
            "storage": (
                "Below what temperature should {name} be kept?",
                "What is the highest storage temperature for {name}?",
                "At what temperature does {name} begin to spoil?", "How cool must {name} be stored?",
                "What temperature must not be exceeded when storing {name}?",
                "How warm may the cupboard with {name} be?",
            ),
            "reaction": (
                "What side effect can {name} have?", "What do some people suffer after using {name}?",
                "Which unwanted effect is reported for {name}?", "What may {name} cause in its users?",
                "What ill effect does {name} occasionally produce?",
                "With what do sensitive people react to {name}?",
                "What is a known adverse reaction to {name}?",
            ),
        },
        aliases=("the preparation", "the mixture", "the product"),
        titles=(
            "{name}: information for users", "Please keep this leaflet", "{name}, {sort}",
            "How to use {name}",
            "{name}: what is in it", "Directions", "About this {sort}", "{name}: leaflet",
        ),
    ),
    Kind(
        name="vehicle",
        genre="test drive",
        subject=_model(),
        fields={
            "body": choice(*BODIES),
            "top": number(58, 190, "{} km/h"),
            "range": number(190, 980, "{} km"),
            "price": _one_of(rounded(9000, 98000, 100, "{:,} crowns"), rounded(8000, 74000, 50, "£{:,}")),
            "colour": choice(*PAINTWORK),
            "fault": choice(*NIGGLES),
            "tester": person(),
            "plant": town(),
            "fuel": choice(*FUELS),
        },
        openings=(
            "The {name} is a {body}, and it makes no secret of it.",
            "For a fortnight the {name} stood outside our office, in {colour}, and collected admirers.",
            "Test report: {name}. Driver: {tester}.",
            "The {name}, a {body} assembled in {plant}, came to us with nine hundred on the clock.",
            #
            "Nobody at the depot had asked for the {name}.",
            "Give the {name} a long hill and a cold morning, and you will learn what it is made of.",
            "At {price}, the {name} undercuts most of its rivals.",
            "We drove the {name}, which runs on {fuel}, from one coast to the other.",
        ),
        statements=(
            "Flat out, and with the wind behind it, {alias} reached {top}.",
            "It burns, drinks or otherwise consumes {fuel}.",
            "Our only serious complaint concerns {fault}.",
            "Range {range}, top speed {top}.",
            #
            "What are you getting for {price}, the sum on the windscreen? A heater, for a start, and a very loud one.",
            "Each one is put together in {plant}, in a works that used to make pianos.",
            "The example we were lent, a {body} with hardly a scratch on it, had been polished by someone in love.",
            "Built in {plant} and painted {colour}, {alias} turns heads.",
            #
            "\"I could live with it,\" said {tester}, our tester, getting out, \"but not in it.\"",
            "Ours was finished in {colour}, a shade that the brochure wisely does not show.",
            "On one filling we covered {range} before the engine coughed and died beside a field of cabbages.",
            "After two days {tester}, who tested it for us, was still grumbling about {fault}.",
            #
            "Fuel: {fuel}. Maximum speed: {top}. Ashtrays: none.",
            "For the fleet manager only one number counts, and that is {price}, tax and delivery included.",
            "Not in some gleaming plant abroad, as the badge might suggest, but in {plant} does {alias} come off the"
            " assembly line.",
            "Priced at {price}, it is a {body} with few equals.",
            #
            "The mechanics shrug about {fault}, a defect shared by every example we have seen.",
            "Steering it through the old town, {tester}, at the wheel for this report, attracted two whistles and a"
            " parking ticket.",
            "Filled to the brim, it is good for {range}.",
            "The {short} needs {fuel} and goes {range} before it has to be filled up.",
            #
            "Nothing about the cabin is beautiful, and everything is where the hand expects it.",
            "We measured {top}; the maker, more modest than most, promises rather less.",
            "Should a {body} be fun? We had not thought so until now.",
            "It was {tester} who drove it for us and who timed it at {top}, its highest speed.",
            #
            "The colour of the one we borrowed, {colour}, hides mud remarkably well.",
            "Getting hold of {fuel}, which is all that the {short} will run on, proved easier than finding a parking"
            " space.",
            "Every vehicle has its weakness, and here it is {fault}.",
            "Made in {plant}, where they ought to know better, it has one real flaw: {fault}.",
            #
            "Workers in {plant}, where {alias} is made, get theirs at a discount and, we hear, drive nothing else.",
            "Sixteen mornings out of sixteen it started.",
            "{range} between stops, {price} at the dealer's: these are figures that make accountants smile.",
            "Paint: {colour}. Price as tested: {price}. Fuel: {fuel}.",
            #
            "As a {body} it does all that is asked of it, and it never gets above {top}, so nobody is frightened.",
            "Under the supervision of {tester}, who carried out our test, {alias} was driven through a ford, a funeral"
            " and a flock of geese.",
            "You may order it in any colour, but {colour} is what we were lent.",
            "Ours being a {colour} {body}, we never once lost it in a car park.",
        ),
        questions={
            "body": (
                "What type of vehicle is the {name}?",
                "What sort of vehicle was tested under the name {name}?",
                "As what kind of vehicle is the {name} built?", "What kind of vehicle is the {name}?",
                "To which class of vehicle does the {name} belong?",
                "The {name} is an example of which type of vehicle?",
            ),
            "top": (
                "How fast can the {name} go?", "What is the top speed of the {name}?",
                "What maximum speed does the {name} reach?",
                "At what speed does the {name} run out of breath?",
                "What was the highest speed of the {name}?", "How quick is the {name} flat out?",
                "What speed did the {name} attain?",
            ),
            "range": (
                "How far does the {name} go before it must be filled up?", "What is the range of the {name}?",
                "What distance can the {name} cover without a stop for fuel?",
                "How far can one drive the {name} at a stretch?",
                "How many kilometres does the {name} manage on one filling?",
                "After what distance does the {name} need refuelling?",
            ),
            "price": (
                "How much is the {name}?", "What does the {name} cost to buy?",
                "At what price does the {name} sell?",
                "What would a buyer pay for the {name}?", "What is asked for the {name}?",
                "How much money changes hands for a {name}?", "What is the purchase price of the {name}?",
            ),
            "colour": (
                "What colour was the {name} that was tested?", "In what colour was the {name} painted?",
                "Which colour did the borrowed {name} have?", "What was the colour of the {name}?",
                "In which shade was the {name} finished?", "What paint did the {name} wear?",
            ),
            "fault": (
                "What is wrong with the {name}?", "What did the testers dislike about the {name}?",
                "Which weakness does the {name} have?", "What is the main fault of the {name}?",
                "About what does the report on the {name} complain?", "What mars the {name}?",
                "Which shortcoming of the {name} is mentioned?",
            ),
            "tester": (
                "Who tested the {name}?", "Who drove the {name} for the report?",
                "Which driver tried out the {name}?",
                "Who was at the wheel of the {name}?", "By whom was the {name} put through its paces?",
                "Name the person who test-drove the {name}.", "Who carried out the test of the {name}?",
            ),
            "plant": (
                "Where is the {name} made?", "In which town is the {name} assembled?",
                "Where does the {name} come off the assembly line?", "In what place is the {name} built?",
                "Which town has the works that turns out the {name}?",
                "From what town's factory does the {name} come?",
            ),
            "fuel": (
                "What does the {name} run on?", "Which fuel does the {name} use?",
                "What must one put into the {name}?",
                "On what fuel does the {name} run?", "What powers the {name}?",
                "What does the {name} consume?",
                "By what is the {name} driven?",
            ),
        },
        aliases=("the machine", "the vehicle", "the newcomer"),
        titles=(
            "Driven: {name}", "On the road in the {name}", "{name}: a fleet note", "Test: {name}",
            "A week with the {name}", "The {name}, tried and tested", "Our verdict on a {body}",
            "The {name} reviewed",
        ),
    ),
    Kind(
        name="trial",
        genre="abstract",
        subject=_one_of(
            _things("the {} trial", "the {} study", "the {} experiment", "Project {}"),
            of_town("the {} trial", "the {} cohort study", "the {} experiment"),
        ),
        fields={
            "lead": person(),
            "count": number(24, 1980),
            "group": choice(*GROUPS),
            "treatment": choice(*TREATMENTS),
            "condition": choice(*COMPLAINTS),
            "weeks": number(3, 78, "{} weeks"),
            "effect": number(7, 71, "{} per cent"),
            "control": choice(*CONTROLS),
            "side": choice(*SIDE_EFFECTS),
        },
        openings=(
            "Objective: {name} set out to establish whether {treatment} can relieve {condition}.",
            "Background. Little is known about {condition} and less about its cure; {name} was meant to change that.",
            "{name} enrolled {count} {group}.",
            "{name}, directed by {lead}, studied {condition}.",
            #
            "We report the results of {name}, which lasted {weeks}.",
            "Can {treatment} do any good at all? That was the question behind {name}.",
            "The committee laughed when {lead}, who was to lead it, proposed {name}; then it paid.",
            "In {name}, {group} were given {treatment}.",
        ),
        statements=(
            "Participants: {count}. Dropouts: six.",
            "The control group received {control}.",
            "The principal investigator, {lead}, did not know until the end who had been given what.",
            "Sample: {count}. Duration: {weeks}.",
            #
            "All volunteers were {group}, a population chosen because it keeps regular hours.",
            "A reduction of {effect} in symptoms was observed, and it persisted at follow-up.",
            "Once its {weeks} were over, {alias} handed every sealed envelope to a notary.",
            "Symptoms fell by {effect} among the {group} who took part.",
            #
            "It was not a study of ageing, as the newspapers had it, but of {condition}.",
            "Those in the active arm were treated with {treatment}, daily and under supervision.",
            "The one adverse event worth mentioning was {side}.",
            "Compared with {control}, the placebo, {treatment}, the remedy under test, did surprisingly well.",
            #
            "Whether the improvement, which came to {effect}, justifies the expense is for others to say.",
            "\"We would have been content with half as many,\" remarks {lead}, head of the research team, of the {count}"
            " participants.",
            "For {alias}, recruiting was easy. Persuading {group} to fill in a questionnaire every night was not.",
            "The treatment brought {side} as its side effect, noted {lead}, the leader of the research.",
            #
            "By way of comparison, every second subject was assigned {control} and nothing more.",
            "Sufferers from {condition}, the complaint that occupied {alias}, were asked to keep a diary, in ink.",
            "The observation period of {weeks} was interrupted once, by a flood in the records office.",
            "With {control} as placebo, {count} people were followed for {weeks}.",
            #
            "Treatment consisted of {treatment}; no other medication was allowed, coffee excepted.",
            "Some complained of {side} from the treatment, none so badly as to withdraw.",
            "How many took part? In the end, {count}, which is forty more than had been budgeted for.",
            "{lead}, who led it, concluded that {condition}, the complaint in question, had eased by {effect}.",
            #
            "The authors, led by {lead}, declare no conflict of interest and a great deal of fatigue.",
            "Funding was public.",
            "It ran for {weeks}, from the first injection of enthusiasm to the last weary interview.",
            "The {group} whom {alias} recruited complained of {side}, an unwanted effect.",
            #
            "Since {group} had volunteered and nobody else had, the findings may not hold for the rest of us.",
            "The others, who served as controls, had to make do with {control} and did not notice.",
            "In the treated arm the gain was {effect}; in the untreated arm there was none.",
            "{treatment} against {condition}: such was the idea, tested on {count} subjects.",
            #
            "Interpretation: for {condition}, {treatment} may be worth a try, though the mechanism remains obscure.",
            "What {alias} had not foreseen was {side}, reported as an unwelcome effect by one in nine of the treated.",
            "A larger investigation is planned.",
            "Subjects were {group}; controls got {control}; the improvement was {effect}.",
        ),
        questions={
            "lead": (
                "Who was at the head of {name}?", "Who was the principal investigator of {name}?",
                "Which researcher headed {name}?",
                "Who directed {name}?", "Under whose leadership was {name} carried out?",
                "Name the scientist responsible for {name}.", "Who was in charge of the team behind {name}?",
            ),
            "count": (
                "How many people were enrolled in {name}?", "What was the sample size of {name}?",
                "How many subjects did {name} have?", "How many participants were there in {name}?",
                "On how many volunteers are the findings of {name} based?",
                "State the number of people in {name}.",
                "{name} was carried out on how many subjects?",
            ),
            "group": (
                "What sort of people took part in {name}?", "Who were the subjects of {name}?",
                "From which group were the volunteers of {name} drawn?",
                "Which kind of people did {name} recruit?",
                "On whom was {name} carried out?", "What did the participants in {name} have in common?",
            ),
            "treatment": (
                "Which treatment was tested in {name}?", "What remedy did {name} try out?",
                "What were the treated subjects of {name} given?", "What treatment did {name} examine?",
                "The benefit of what was investigated in {name}?", "Which therapy was on trial in {name}?",
            ),
            "condition": (
                "Which complaint was studied in {name}?", "What condition was {name} about?",
                "Against what ailment was a remedy sought in {name}?", "Which ailment did {name} deal with?",
                "From what did the participants in {name} suffer at the outset?",
                "What was the treatment in {name} meant to relieve?",
            ),
            "weeks": (
                "How long did {name} go on?", "What was the duration of {name}?",
                "For how long were subjects observed in {name}?",
                "Over what period did {name} run?",
                "How much time passed between the start and the end of {name}?",
                "How many weeks did {name} take?",
            ),
            "effect": (
                "By how much did symptoms improve in {name}?", "What improvement did {name} find?",
                "How large was the effect measured in {name}?",
                "By what percentage did the symptoms fall in {name}?",
                "What reduction in symptoms was seen in {name}?",
                "How much better did treated subjects of {name} become?",
            ),
            "control": (
                "What did the control group of {name} receive?", "What served as the placebo in {name}?",
                "What were the untreated subjects of {name} given instead?",
                "Which placebo was used in {name}?",
                "With what was the treatment compared in {name}?",
                "What was handed to the controls in {name}?",
            ),
            "side": (
                "What side effect was seen in {name}?", "Which adverse event occurred in {name}?",
                "Of what did treated participants in {name} complain?",
                "Which unwanted effect did {name} reveal?",
                "What unwelcome consequence did the treatment in {name} have?",
                "What was the side effect of the treatment in {name}?",
            ),
        },
        aliases=("the investigators", "the team", "the research group"),
        titles=(
            "{name}: main results", "{treatment} for {condition}", "Findings of {name}", "{name}: abstract",
            "Effects of {treatment} in {group}", "{name}: methods and results",
            "A controlled trial in {group}", "What {name} found",
        ),
    ),
)  # fmt: skip
