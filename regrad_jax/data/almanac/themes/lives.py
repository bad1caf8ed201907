"""Lives: an inventor, an explorer, an obituary, a newcomer at work, an aunt or neighbour, an impostor."""

from regrad_jax.data.almanac.kinds import (
    Kind,
    choice,
    date,
    firm,
    number,
    of_town,
    pair,
    person,
    rounded,
    town,
    year,
)

TRADES = (
    "chandler", "cooper", "wheelwright", "ferryman", "tanner", "rope-maker", "hatter", "brewer", "gravedigger",
    "miller", "pawnbroker", "schoolmaster", "bargeman", "fishmonger", "glazier", "piano tuner", "customs officer",
    "thatcher", "sexton", "quarryman", "farrier", "wine merchant", "butcher", "printer", "auctioneer", "shepherd",
)  # fmt: skip
DEVICES = pair(
    ("pneumatic", "self-winding", "folding", "double-acting", "steam-driven", "portable", "twin-lens", "automatic",
     "counterweighted", "rotary", "clockwork", "water-cooled"),
    ("loom", "barometer", "theodolite", "seed drill", "foghorn", "lift brake", "typewriter", "tide gauge", "lathe",
     "butter churn", "telegraph key", "dredger", "sextant", "sewing machine", "ticket punch", "stethoscope"),
)  # fmt: skip
MATERIALS = (
    "whalebone", "gutta-percha", "slate", "phosphor bronze", "boxwood", "vulcanised rubber", "aluminium", "mica",
    "cork", "cast iron", "papier mâché", "porcelain", "ebony", "spring steel", "waxed silk", "nickel silver", "horn",
    "bamboo", "flint glass", "lignum vitae", "copper mesh", "boiled leather", "zinc", "pewter", "oak", "brass",
)  # fmt: skip
FAILURES = (
    "a cracked boiler", "a swarm of wasps", "damp gunpowder", "a missing washer", "a power cut", "a frozen valve",
    "a snapped drive belt", "a drunken assistant", "a sudden hailstorm", "a mislabelled bottle", "a loose rivet",
    "a stray dog", "salt in the bearings", "a leaking gasket", "a blown fuse", "a broken mainspring", "wet coal",
    "an upside-down diagram", "a jammed piston", "mouse-gnawed wiring", "a heckler with a pea-shooter", "thick fog",
)  # fmt: skip

DAY_JOBS = (
    "dentist", "postman", "roofer", "bus driver", "maths teacher", "sheep farmer", "librarian", "pastry chef",
    "plumber", "paramedic", "tax adviser", "tree surgeon", "piano tuner", "barber", "crane operator", "translator",
    "undertaker", "vet", "locksmith", "florist", "customs officer", "optician", "bricklayer", "dairy farmer",
)  # fmt: skip
PACK_ANIMALS = pair(
    (
        "grey",
        "stubborn",
        "half-blind",
        "brown",
        "elderly",
        "borrowed",
        "spotted",
        "lame",
        "retired",
        "placid",
        "black",
    ),
    ("mule", "camel", "yak", "husky", "llama", "donkey", "pony", "reindeer", "sheepdog", "carthorse", "goat"),
)
RATIONS = (
    "dried apricots", "tinned sardines", "peanut brittle", "cold porridge", "salted almonds", "rye crackers",
    "pickled eggs", "condensed milk", "beef jerky", "oatcakes", "mint cake", "smoked eel", "raisin bread",
    "hard cheese", "lentil paste", "banana chips", "black pudding", "ginger biscuits", "instant noodles",
    "date bars", "reindeer sausage", "sunflower seeds", "marzipan", "sauerkraut",
)  # fmt: skip
INJURIES = (
    "a torn hamstring", "a frostbitten toe", "a cracked rib", "a scorpion sting", "snow blindness", "a broken thumb",
    "a dislocated shoulder", "an infected blister", "a burst eardrum", "trench foot", "a sprained ankle",
    "a fractured wrist", "an abscessed tooth", "a snake bite", "sunstroke", "a slipped disc", "a black eye",
    "a severed fingertip", "a twisted knee", "a chipped elbow", "a perforated ulcer", "an inflamed tendon",
)  # fmt: skip

CRAFTS = (
    "bell-founder", "bookbinder", "cabinetmaker", "blacksmith", "gilder", "stained-glass maker", "upholsterer",
    "stonemason", "organ builder", "potter", "tapestry weaver", "clockmaker", "wood-turner", "silversmith",
    "plasterer", "tile maker", "sign painter", "basket weaver", "letter cutter", "coppersmith", "marquetry worker",
    "lacquerer", "glass engraver", "picture framer", "wrought-iron worker", "lace maker", "enameller",
)  # fmt: skip
COUNTS = (
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "twenty-one",
)  # fmt: skip
MOURNING = pair(
    (
        "yellow",
        "tartan",
        "scarlet",
        "lilac",
        "striped",
        "turquoise",
        "orange",
        "green",
        "polka-dot",
        "pink",
        "silver",
    ),
    (
        "scarves",
        "waistcoats",
        "bow ties",
        "socks",
        "hats",
        "gloves",
        "cardigans",
        "braces",
        "ribbons",
        "neckties",
    ),
)
PASTIMES = (
    "pigeon racing", "ballroom dancing", "crown green bowls", "bee-keeping", "sea swimming", "bell-ringing",
    "chess by post", "leek growing", "amateur opera", "canal boating", "fly-fishing", "birdwatching", "stamp collecting",
    "ice skating", "brass band music", "cryptic crosswords", "kite flying", "mushroom hunting", "archery",
    "model railways", "astronomy", "croquet", "rug making", "wild camping",
)  # fmt: skip

ROLES = (
    "head of procurement", "harbour master", "chief archivist", "director of catering", "fire safety officer",
    "fleet manager", "company secretary", "head gardener", "quality inspector", "payroll manager", "press officer",
    "chief metallurgist", "training coordinator", "night shift supervisor", "head of translation", "estates manager",
    "data protection officer", "laboratory manager", "customer complaints lead", "export manager", "ombudsman",
    "director of music", "occupational nurse", "head of packaging", "staff chaplain", "energy auditor",
)  # fmt: skip
DEGREES = (
    "medieval history", "marine biology", "Sanskrit", "theology", "soil science", "aeronautics", "puppetry", "law",
    "moral philosophy", "veterinary medicine", "musicology", "statistics", "Portuguese", "ceramics", "geophysics",
    "forestry", "Ancient Greek", "food chemistry", "textile design", "economics", "social anthropology",
    "naval architecture", "crystallography", "town planning", "palaeontology", "dentistry",
)  # fmt: skip
COMMUTES = (
    "folding bicycle", "ferry", "tram", "motor scooter", "rowing boat", "cable car", "tandem", "canal barge",
    "night bus", "hovercraft", "water taxi", "funicular", "horse and cart", "milk float", "kayak", "moped",
    "school bus", "steam train", "vintage tractor", "cargo tricycle", "minibus", "trolleybus", "racing bike",
    "chairlift", "camper van",
)  # fmt: skip
PRIORITIES = (
    "a new payroll system", "a cheaper laundry contract", "the leaking warehouse roof", "a staff crèche",
    "the backlog of unpaid invoices", "a paperless filing room", "the ageing van fleet", "a clearer sick-pay policy",
    "the canteen menu", "a second loading bay", "better bicycle parking", "the lost-property store",
    "a mentoring scheme", "the noise at night", "an apprenticeship programme", "the faulty goods lift",
    "a proper stock count", "the broken heating", "a bilingual website", "a safer forklift route", "the overtime bill",
    "a recycling depot", "the visitor badge system", "a quieter switchboard",
)  # fmt: skip

DOORS = pair(
    ("pale", "dark", "lurid", "glossy", "dirty", "shiny", "bright", "dull", "deep", "matt"),
    ("yellow", "green", "blue", "red", "purple", "orange", "pink", "brown", "turquoise", "grey"),
)
PETS = pair(
    (
        "three-legged",
        "one-eyed",
        "ginger",
        "enormous",
        "toothless",
        "white",
        "lame",
        "elderly",
        "bald",
        "greedy",
    ),
    (
        "goose",
        "tortoise",
        "donkey",
        "parrot",
        "ferret",
        "tomcat",
        "rabbit",
        "terrier",
        "cockerel",
        "goat",
        "jackdaw",
    ),
)
PET_NAMES = (
    "Bismarck", "Pudding", "Admiral", "Mrs Pepper", "Turnip", "Lazarus", "Duchess", "Biscuit", "Napoleon", "Gravy",
    "Old Sam", "Marmalade", "Pontius", "Button", "Caesar", "Treacle", "Hamlet", "Professor", "Nutmeg", "Sergeant",
    "Methuselah", "Dumpling", "Lord Percy", "Clementine", "Vinegar", "Rasputin", "Mustard", "Thimble",
)  # fmt: skip
DISHES = (
    "rabbit stew", "pickled herring", "plum dumplings", "nettle soup", "treacle tart", "jellied eels", "fish pie",
    "stuffed cabbage", "seed cake", "oxtail soup", "gooseberry fool", "potato pancakes", "tripe and onions",
    "cheese straws", "rhubarb crumble", "beetroot salad", "mutton curry", "rice pudding", "pea soup", "honey cake",
    "liver pâté", "quince jelly", "sorrel omelettes", "barley broth", "walnut bread",
)  # fmt: skip
QUARRELS = (
    "a borrowed ladder", "a fallen pear tree", "a church raffle", "a stolen recipe", "a blocked drain", "a bonfire",
    "a game of whist", "a broken teapot", "a missing wheelbarrow", "an overgrown hedge", "a dead carp", "a bus seat",
    "a misheard compliment", "an unpaid coal bill", "a barking dog", "a wedding invitation", "a leaking gutter",
    "a pew cushion", "a jar of chutney", "a trampled flowerbed", "a clothes line", "an umbrella", "a prize marrow",
)  # fmt: skip

GUISES = (
    "a bishop", "a ship's surgeon", "a Swedish count", "a railway inspector", "an opera conductor", "a war hero",
    "a diamond broker", "an exiled prince", "a tax commissioner", "a polar explorer", "a vaccine salesman",
    "a papal envoy", "a racehorse owner", "a mining engineer", "an art restorer", "a cavalry major", "a hypnotist",
    "a professor of Assyrian", "a lighthouse inspector", "a coffee planter", "a royal photographer", "a test pilot",
    "a school governor", "an Egyptologist", "a film producer",
)  # fmt: skip
GIVEAWAYS = (
    "a misspelt visiting card", "a false moustache", "an unpaid hotel bill", "a laundry mark", "a talkative parrot",
    "a wet signature", "a missing button", "the wrong regimental tie", "a left-handed salute", "a dropped ticket stub",
    "a forged watermark", "a barber's memory", "an anonymous telegram", "a photograph in a shop window",
    "a pair of borrowed boots", "a jealous landlady", "a mispronounced prayer", "an out-of-date seal", "a gold tooth",
    "a trail of cigar ash", "a library fine", "a tattooed wrist", "a scented glove", "a misdated letter",
)  # fmt: skip
CACHES = (
    "an organ loft", "a disused kiln", "a beehive", "a flour bin", "a family vault", "a hollow globe", "a well shaft",
    "a grandfather clock", "a pigsty", "a church font", "a cello case", "a coal cellar", "a left-luggage locker",
    "a stuffed bear", "an ice house", "a rowing boat", "a wine cask", "a false chimney", "a doll's house",
    "a greenhouse stove", "a bandstand", "a rain barrel", "an umbrella stand", "a snooker table",
)  # fmt: skip
TERMS = (
    "two years", "three years", "four years", "five years", "six years", "seven years", "eight years", "nine years",
    "ten years", "eleven years", "twelve years", "thirteen years", "fourteen years", "fifteen years",
    "sixteen years", "eighteen months", "thirty months", "seventeen years", "twenty years", "twenty-two years",
)  # fmt: skip

# Of every four statements the fourth is held out, so they stand in groups of four.
KINDS = (
    Kind(
        name="inventor",
        genre="encyclopaedia",
        subject=person(),
        fields={
            "birthplace": town(),
            "born": year(1831, 1848),
            "trade": choice(*TRADES),
            "device": DEVICES,
            "material": choice(*MATERIALS),
            "patron": person(),
            "institute": of_town(
                "the {} Polytechnic", "the University of {}", "the {} Observatory", "the {} School of Mines",
                "the {} Mechanics' Institute",
            ),
            "patented": year(1872, 1896),
            "failure": choice(*FAILURES),
        },
        openings=(
            "{name}, inventor and instrument maker, was born at {birthplace} in {born}.",
            "Few people who have handled a {device} could name the woman who invented it: {name}.",
            "{name} (born {born}) was a self-taught engineer, a tireless correspondent and a poor sleeper.",
            "The inventor {name}, a native of {birthplace}, left school at eleven and never regretted it.",
            "Feared in her own day for her temper, {name} is remembered now as the inventor of the {device}.",
            "In {patented} a clerk at the patent office approved the drawings of an unknown applicant, {name}.",
            "With a {trade} for a father, {name} came to engineering by way of the scrapheap.",
            "{name}, physicist and builder of instruments, taught for most of her career at {institute}.",
        ),
        statements=(
            "Her birthplace is given in older works as Bristol; the parish register shows it to be {birthplace}.",
            "Her father was a {trade}.",
            "The {device}, which she invented after eight years of trial and error, was made mainly of {material}.",
            "Born in {born} to a {trade} and his second wife, she grew up as the only daughter among five sons.",

            "Money was short until {patron} agreed to finance the work.",
            "At {institute}, where she lectured on mechanics, students called her the Thunderstorm.",
            "{short}'s patent was granted in {patented}, after two refusals.",
            "Thanks to funds from {patron}, {short} was able to finish the {device}, her most important invention.",

            "The first public demonstration, before some four hundred guests, was ruined by {failure}.",
            "She had come into the world in {born}, the year her family's house burned down.",
            "Her choice of {material} as the main material puzzled rivals, who had built everything from tin.",
            "She held a lectureship at {institute}; her invention, built of {material}, is still on display there.",

            "Of {birthplace}, where she was born, {short} said only that \"the wind was free\".",
            "It was the {device} that made her name, though she thought it the least clever of her inventions.",
            "\"I owe everything to my banker,\" she liked to say, meaning {patron}, who had paid for her experiments.",
            "A first public showing came to grief through {failure}, and no patent was issued until {patented}.",

            "Contemporary newspapers blamed sabotage, but her notebooks leave no doubt that the first public trial "
            "failed because of {failure}.",
            "She never married.",
            "Appointed to the staff of {institute} on the strength of a single letter, {short} taught there "
            "for twenty-six years, usually in a leather apron.",
            "Contrary to the legend of a London childhood, {birthplace} was her birthplace, and her father "
            "made his living there as a {trade}.",

            "From her father, by trade a {trade}, she took her tools, her vocabulary and her contempt for gloves.",
            "Not silver, as several handbooks state, but {material} was the main material of her invention.",
            "Legal protection was slow in coming: the application lay in a drawer before the patent was at last "
            "granted in {patented}.",
            "The cost of her experiments was borne by {patron}, even after {failure} had wrecked the first public "
            "demonstration.",

            "Her portrait shows a small woman scowling at a vase, and visitors found the likeness fair.",
            "A {trade} by calling, her father wanted her to keep the accounts; she built a {device} of her own "
            "invention instead.",
            "When {failure} spoilt the inaugural demonstration, her backer, {patron}, simply laughed and "
            "ordered supper.",
            "After training at home, {short} joined {institute}, and in {patented} she secured her patent.",

            "The registers of {birthplace} record her birth in {born}, in a room above a saddlery.",
            "Her papers fill nineteen boxes, most of them concerned with unpaid bills.",
            "{patented} was the year of the patent, and {institute} promptly gave her a chair.",
            "Her invention, a {device} with a body of {material}, was copied from Lisbon to Riga.",

            "Census returns disagree about her age, but a baptismal entry settles that she was born in {born}.",
            "When rivals abroad brought out a cheaper {device}, {short}, who had invented it, sent them a list of its faults.",
            "Visitors to {birthplace} may see the house where she was born, now a shop selling umbrellas.",
        ),
        questions={
            "birthplace": (
                "Where was {name} born?", "What was the birthplace of {name}?", "In which town was {name} born?",
                "Which town can claim {name} as a native?", "{name} was a native of which place?",
                "In what town did the life of {name} begin?",
            ),
            "born": (
                "When was {name} born?", "What is the year of {name}'s birth?", "In which year was {name} born?",
                "Which year saw the birth of {name}?", "Birth year of {name}?", "What year was {name} born in?",
            ),
            "trade": (
                "What was the trade of {name}'s father?", "What did {name}'s father do for a living?",
                "What was the father of {name} by occupation?", "How did the father of {name} earn his bread?",
                "What line of work was {name}'s father in?", "Which occupation did {name}'s father follow?",
            ),
            "device": (
                "What did {name} invent?", "Which device was invented by {name}?", "What was {name}'s invention?",
                "For the invention of what is {name} known?", "What machine or instrument do we owe to {name}?",
                "Name the invention of {name}.",
            ),
            "material": (
                "What was {name}'s invention mainly made of?", "Which material did {name} use for her invention?",
                "Of what substance did {name} build her invention?", "From what did {name} make her invention?",
                "What main material went into the invention of {name}?",
                "What was the chief material in the invention of {name}?",
            ),
            "patron": (
                "Who financed {name}'s work?", "Who paid for the experiments of {name}?", "Who was {name}'s patron?",
                "Whose money supported {name}?", "Which person funded {name}?", "Who was the financial backer of {name}?",
            ),
            "institute": (
                "At which institution did {name} teach?", "Where did {name} work as a lecturer?",
                "Which institution employed {name}?", "On the staff of which institution was {name}?",
                "Where did {name} hold a teaching post?", "Which place of learning had {name} as a teacher?",
            ),
            "patented": (
                "When was {name} granted a patent?", "In what year did {name} get her patent?",
                "In which year was the invention of {name} patented?", "What is the year of {name}'s patent?",
                "When did the patent office finally approve {name}'s application?",
                "Which year brought {name} a patent?",
            ),
            "failure": (
                "Why did {name}'s first public demonstration fail?", "What spoilt the first demonstration by {name}?",
                "What was the cause of {name}'s failed first demonstration?",
                "What went wrong when {name} first showed her invention in public?",
                "To what was the failure of {name}'s first public trial due?",
                "What ruined the first public showing of {name}'s invention?",
            ),
        },
        titles=(
            "{name}", "{name}, inventor", "Engineers and inventors: {name}", "{name} (engineer)",
            "{name}: life and work", "Biographical entry: {name}", "{name}, pioneer of engineering",
            "Women of science: {name}",
        ),
    ),
    Kind(
        name="explorer",
        genre="sports profile",
        subject=person(),
        fields={
            "origin": town(),
            "job": choice(*DAY_JOBS),
            "region": of_town(
                "the {} Desert", "the {} Glacier", "the {} Marshes", "the {} Plateau", "the {} Ice Field", "the {} Steppe",
            ),
            "distance": number(310, 2900, "{:,} km"),
            "duration": number(19, 160, "{} days"),
            "animal": PACK_ANIMALS,
            "food": choice(*RATIONS),
            "injury": choice(*INJURIES),
            "coach": person(),
        },
        openings=(
            "On Mondays {name} is a {job}. The rest of the week, in his head, he is walking.",
            "The first person to cross {region} alone and on foot does not look like an athlete, and {name} knows it.",
            "You hear {name} before you see him: the laugh carries right across the café in {origin}, his home town.",
            "{name} has just walked {distance}, and all he wants to talk about is his boots.",
            "How does a {job} become the most admired long-distance walker of his generation? Ask {name}.",
            "\"Pain is only weather,\" says {name}, stirring his tea.",
            "When {name} limped into the final camp, he had been on the move for {duration}.",
            "Meet {name}, adventurer, insomniac and, when the bills fall due, {job}.",
        ),
        statements=(
            "He comes from {origin}, a place with one hill, which he has climbed some four thousand times.",
            "The expedition that made him famous was the crossing of {region}.",
            "{short} covered {distance} in all, every metre of it on foot.",
            "Crossing {region} took {short} {duration}.",

            "His only companion was a {animal}, bought from a farmer on the eve of departure.",
            "Asked what he ate out there, {short} pulls a face. It was {food}, he says, morning, noon and night.",
            "Halfway along he suffered {injury} and kept going.",
            "He trained under {coach} and set out with nobody for company but a {animal}.",

            "It was {coach}, his coach of eleven years, who told him to stop running and start walking.",
            "{duration} after setting out, sunburnt and fifteen kilos lighter, he reached the other side.",
            "Sponsors? None. He pays for the trips with his wages as a {job}.",
            "On a diet of little but {food}, he walked {distance}.",

            "He is often described as an islander, but {short} was raised in {origin} and lives there still.",
            "The tally on his pedometer at the end of the trek read {distance}, which he rounds down out of modesty.",
            "Although doctors warned him off it, he lived almost entirely on {food} during the journey and swears by it.",
            "Back home in {origin}, doctors treated him for {injury}, his one injury of the whole trek.",

            "No one before {short} had walked across {region} unaided, and two parties had been airlifted out.",
            "A {animal} carried the tent, the stove and, on bad days, some of the conversation.",
            "The worst moment? \"He never says,\" his sister tells me, but the expedition's log records {injury}, "
            "in handwriting that wobbles.",
            "Between expeditions {short}, coached by {coach}, earns his keep as a {job}.",

            "His mornings begin at five with a cold bath and a page of Homer.",
            "The whole undertaking lasted {duration}, not the hundred that his rivals had predicted with a smirk.",
            "Before each journey his coach, {coach}, makes him sleep for a week in a garden shed.",
            "What people in {origin}, his home town, remember best is the {animal} that trudged beside him all the way.",

            "Neither {injury} nor the loss of his compass persuaded {short} to turn back.",
            "\"I'm a {job},\" he insists. \"The walking is a hobby that got out of hand.\"",
            "Together with a {animal} he crossed {region}, a place that most maps leave blank.",
            "His rations came down to {food}, and the trek across {region} cost him {injury}.",

            "He trusts one adviser only, {coach}, who coached him from the age of sixteen, by letter at first.",
            "For all his fame, he takes the bus, mends his own socks and answers every schoolchild's postcard.",
            "The numbers are stark: {distance} on foot, {duration} on the trail, two pairs of boots.",
            "The march went on for {duration}, rather longer than he is usually away from his work as a {job}.",

            "In the rucksack there was room for {food} and for nothing else to eat.",
            "Locals in {origin}, where he grew up, painted his portrait on the side of the fire station.",
            "Nothing in his weekday work as a {job} explains such endurance.",
            "Coached by {coach}, he went {distance} on foot without a day of rest.",

            "Somewhere in the second week there was {injury}; he treated it himself, with vinegar and swearing.",
            "His friends say he cannot pass a bakery, which makes it odder that {food} should have been all he ate en route.",
            "You do not train to walk {distance}, he explains; you simply do not stop.",
        ),
        questions={
            "origin": (
                "Where does {name} come from?", "What is {name}'s home town?", "Which town is home to {name}?",
                "From what town does {name} hail?", "In which town did {name} grow up?", "Home town of {name}?",
            ),
            "job": (
                "What is {name}'s day job?", "What does {name} do for a living?", "How does {name} earn his money?",
                "When not on expeditions, what is {name}'s occupation?", "What profession does {name} have?",
                "In what line of work is {name} employed?",
            ),
            "region": (
                "What region did {name} cross?", "Which wilderness did {name} walk across?",
                "The crossing of what made {name} famous?", "Across which stretch of country did {name} trek?",
                "Where did {name}'s famous expedition take place?", "What did {name} manage to cross on foot?",
            ),
            "distance": (
                "How far did {name} walk?", "What distance did {name} cover?", "How long in kilometres was {name}'s trek?",
                "How many kilometres lay behind {name} at the end?", "What was the length of {name}'s route?",
                "Over what distance did {name} travel on foot?",
            ),
            "duration": (
                "How many days did {name}'s expedition last?", "How much time did {name} need for the journey?",
                "For how many days was {name} under way?", "What was the duration of the trek by {name}?",
                "After how many days did {name} finish?", "How many days was {name} out there?",
            ),
            "animal": (
                "What animal accompanied {name}?", "Which animal went along with {name}?",
                "What kind of animal was {name}'s companion?", "With what beast did {name} share the journey?",
                "What creature did {name} take on the expedition?", "Who or what travelled at {name}'s side?",
            ),
            "food": (
                "What did {name} eat on the journey?", "What food did {name} live on during the trek?",
                "What were {name}'s rations?", "On what did {name} feed himself along the way?",
                "What food kept {name} going?", "What was the staple of {name}'s expedition diet?",
            ),
            "injury": (
                "What injury did {name} suffer?", "What harm did {name} come to on the expedition?",
                "Which medical trouble befell {name}?", "How was {name} hurt during the trek?",
                "What ailment struck {name} on the way?", "With what injury did {name} have to contend?",
            ),
            "coach": (
                "Who coaches {name}?", "Who is {name}'s coach?", "Under whom did {name} train?",
                "Which person prepared {name} for his feats?", "By whom was {name} coached?",
                "Who acts as trainer to {name}?",
            ),
        },
        titles=(
            "The long walk of {name}", "{name} goes it alone", "At home with {name}", "{name}: one foot after another",
            "Profile: {name}", "{name} will not sit still", "Tea with {name}", "{name}, the walker",
        ),
    ),
    Kind(
        name="obituary",
        genre="obituary",
        subject=person(),
        fields={
            "craft": choice(*CRAFTS),
            "died": date(),
            "age": number(67, 101, "{}"),
            "place": town(),
            "master": person(),
            "commission": of_town(
                "{} Cathedral", "the {} Guildhall", "the {} Opera House", "{} Abbey", "the {} Assembly Rooms",
                "the {} Seamen's Chapel",
            ),
            "grandchildren": choice(*COUNTS),
            "dress": MOURNING,
            "pastime": choice(*PASTIMES),
        },
        openings=(
            "{name}, who has died aged {age}, was a {craft} of the old school.",
            "The death of {name} on {died} leaves the county without its last master {craft}.",
            "{name} did not care for obituaries, which he thought were always too long and never mentioned the tea.",
            "Friends of {name} learned with sorrow of his death on {died}.",
            "With {name} goes a way of working. He was a {craft}, and he owned no machine.",
            "{name} used to say that he would retire when his hands did. They stopped on {died}.",
            "The workshop of {name} in {place} smelt of glue, pipe smoke and wet dog.",
            "{name}, {craft}, has died after a short illness.",
        ),
        statements=(
            "He died in his sleep on {died}.",
            "He was {age}.",
            "At fourteen he was apprenticed to {master}, who paid him in bread and advice.",
            "He reached the age of {age} and is survived by {grandchildren} grandchildren.",

            "His workshop stood in {place}, between a chapel and a betting shop, for the better part of fifty years.",
            "The commission of which {short} was proudest came from {commission}.",
            "Mourners are asked to come to the funeral in {dress}.",
            "Having learned the craft from {master}, {short} set up his own workshop in {place}.",

            "Outside working hours there was only one passion, {pastime}, and he pursued it in all weathers.",
            "He is survived by a daughter, two sons and {grandchildren} grandchildren.",
            "To the taxman {short} was a small business; to everyone else he was simply the best {craft} in the land.",
            "For {commission} he carried out his greatest commission; his leisure hours he gave to {pastime}.",

            "It was {died} when the end came, a few minutes after the shipping forecast.",
            "{master} took him on as an apprentice \"for his handwriting\", and kept him for nine years.",
            "Work for {commission} took four winters and was the largest commission of his career; he charged "
            "for three of them, having enjoyed the fourth too much.",
            "His end came on {died}; he had wished that everyone at the burial should wear {dress}.",

            "Visitors to {place}, where his workshop was, could set their watches by the sound of his kettle.",
            "Black is forbidden at the service: the family, following a note found in his apron, requests {dress}.",
            "Ill health never troubled {short} until the very last of his {age} years.",
            "A {craft} to his fingertips, {short} still found time for {pastime}.",

            "He could be sharp with apprentices and gentle with their mistakes.",
            "Though a newspaper once called him a carpenter, {short} was a {craft}, and he wrote in to say so.",
            "The family grew: at his last birthday {grandchildren} grandchildren sat down to table, some on toolboxes.",
            "His best-known commission, for {commission}, was finished by lamplight during the great gales.",

            "Many knew {short} less for his work than for {pastime}, his hobby since boyhood.",
            "\"Measure once and be brave,\" his master, {master}, had taught him, and he measured once.",
            "A man of {age} has seen most things, and {short} claimed at the end of his life to have mended half of them.",
            "Trained by {master}, he spent his working life as a {craft}.",

            "To {pastime}, his lifelong hobby, he brought the same patience that he gave to his bench.",
            "The great commission was not, as is often said, for Westminster, but for {commission}.",
            "He leaves {grandchildren} grandchildren, who have been told to wear {dress} at the funeral, as everybody else has.",
            "There are {grandchildren} grandchildren, and most of them still live near the old workshop in {place}.",

            "Asked by a child what he did all day, {short} replied that he was a {craft}, and let the child have a go.",
            "Word of his death, on {died}, was chalked on the shutters by a neighbour.",
            "He turned down an offer from Birmingham and kept his workshop in {place} to the last.",
        ),
        questions={
            "craft": (
                "What was {name}'s craft?", "What was {name} by trade?", "What kind of craftsman was {name}?",
                "As what did {name} earn his living?", "Which craft did {name} practise?",
                "What was the occupation of the late {name}?",
            ),
            "died": (
                "When did {name} die?", "On what date did {name} die?", "What is the date of {name}'s death?",
                "On which day did death come to {name}?", "Which day was the last of {name}'s life?",
                "What day did {name} pass away?",
            ),
            "age": (
                "How old was {name} at his death?", "At what age did {name} die?", "What age did {name} reach?",
                "How many years did {name} live?", "How old did {name} live to be?", "Age of {name} when he died?",
            ),
            "place": (
                "Where was {name}'s workshop?", "In which town did {name} have his workshop?",
                "Where did {name} work?", "What town was the workshop of {name} in?",
                "Which place was home to {name}'s business?", "In what town could customers find {name} at his bench?",
            ),
            "master": (
                "To whom was {name} apprenticed?", "Who trained {name}?", "Who was {name}'s master?",
                "From whom did {name} learn his craft?", "Who taught {name} the trade?",
                "Under which master did {name} serve his time?",
            ),
            "commission": (
                "For which building did {name} carry out his greatest commission?",
                "Where did {name}'s most important commission come from?",
                "What building was {name}'s biggest commission for?",
                "Which building gave {name} the main commission of his career?",
                "For what place did {name} do his most notable work?",
                "Which client was behind {name}'s proudest commission?",
            ),
            "grandchildren": (
                "How many grandchildren did {name} have?", "By how many grandchildren is {name} survived?",
                "What is the number of {name}'s grandchildren?", "How many grandchildren does {name} leave behind?",
                "How many people could call {name} grandfather?", "How many grandchildren has the late {name}?",
            ),
            "dress": (
                "What should mourners wear at {name}'s funeral?", "In what are people to dress for the burial of {name}?",
                "What are guests at the funeral of {name} asked to put on?",
                "What will be worn when {name} is buried?", "What dress was requested for {name}'s funeral?",
                "Instead of black, what is to be worn in honour of {name}?",
            ),
            "pastime": (
                "What was {name}'s hobby?", "What did {name} enjoy in his spare time?",
                "Apart from his work, what was {name}'s passion?", "Which pastime did {name} pursue?",
                "What leisure pursuit was {name} known for?", "To what did {name} devote his free hours?",
            ),
        },
        titles=(
            "{name}", "Obituary: {name}", "{name}, {craft}", "In memory of {name}", "{name}: a life at the bench",
            "Lives remembered: {name}", "Farewell to {name}", "The late {name}",
        ),
    ),
    Kind(
        name="newcomer",
        genre="company newsletter",
        subject=person(),
        fields={
            "role": choice(*ROLES),
            "employer": firm("{} Logistics", "{} & Sons", "{} Water Services", "{} Foods", "{} Shipping", "{} Insurance"),
            "start": date(),
            "predecessor": person(),
            "previous": of_town(
                "{} Borough Council", "the {} Port Authority", "{} General Hospital", "the {} Brewery", "{} Zoo",
                "{} Airport",
            ),
            "degree": choice(*DEGREES),
            "staff": number(11, 480, "{}"),
            "commute": choice(*COMMUTES),
            "priority": choice(*PRIORITIES),
        },
        openings=(
            "Please join us in welcoming {name}, our new {role}.",
            "{employer} is delighted to announce the appointment of {name}.",
            "New face on the third floor! {name} joins us from {previous}.",
            "{name} takes up the post of {role} this year, and we caught up with her over a biscuit.",
            "From {start} the desk by the window will belong to {name}.",
            "Many of you have already met {name} by the coffee machine; here is the formal introduction.",
            "After a search lasting six months, {employer} has found its {role}: {name}.",
            "All of us at {employer} say hello to {name}.",
        ),
        statements=(
            "Her first day is {start}.",
            "She replaces {predecessor}, who is leaving to sail round the world.",
            "{short} spent nine years at {previous} before making the move.",
            "She starts on {start} and will have a team of {staff}.",

            "Her degree, perhaps surprisingly, is in {degree}.",
            "In all, {staff} people will report to her.",
            "You may spot her arriving by {commute}; she has promised to demonstrate it at the summer party.",
            "Formerly of {previous}, she takes over the post from {predecessor}.",

            "Top of her list is {priority}.",
            "As {role}, {short} will sit on the management board and chair the Tuesday meeting.",
            "Asked why she chose {employer} as her new employer, she laughed and mentioned the view from the canteen.",
            "The new {role} studied {degree} at university.",

            "\"I never wanted an easy job,\" {short} told us, \"so I shall tackle {priority} before anything else.\"",
            "The outgoing postholder, {predecessor}, has left her a cactus and a four-page list of telephone numbers.",
            "Though she is no stranger to big departments, looking after a team of {staff} will be a new experience.",
            "At {employer}, her new employer, she intends to deal first with {priority}.",

            "Colleagues at {previous}, her last workplace, sent her off with a cake in the shape of a stapler.",
            "She read {degree} at university, where she also captained the darts team.",
            "Her contract begins on {start}, so do say hello if you are in the building.",
            "She travels in by {commute} each morning, just as she did when she worked for {previous}.",

            "Her office door, she says, is open to anyone with a question or a doughnut.",
            "Come rain or shine, {short} commutes by {commute} and has never once been late.",
            "It fell to {short} to step into the shoes of {predecessor}, whose farewell do is still being talked about.",
            "A graduate in {degree}, {short} lists {priority} as her chief concern for the first year.",

            "What will change? Not the tea rota; but {priority} comes first, and she expects results by Easter.",
            "With effect from {start}, the duties of {role} pass to {short}.",
            "Her previous employer was {previous}, not the Ministry, as the rumour on the second floor had it.",
            "She gets to work by {commute}, so from {start}, when she begins, keep your eyes open.",

            "Some of her new team, which numbers {staff}, have already been sent a questionnaire about chairs.",
            "Having studied {degree} and then drifted into administration, she regards herself as living proof "
            "that nothing learned is wasted.",
            "She has lived in four countries, plays five-a-side football and dislikes jargon.",
            "As the successor to {predecessor}, she inherits a staff of {staff}.",

            "\"I come in by {commute}. It clears my head,\" she says.",
            "It is a homecoming of sorts: her mother worked for {employer} too, where {short} now has a post of her own.",
            "The title on her badge reads \"{role}\", and the letters are larger than the rest of us get.",
            "Her move makes her {role} at {employer}.",

            "Recruiters came calling from all sides, but it was {employer} that she chose to join.",
            "Fans of {degree}, which she studied at university, will find her bookshelf worth a detour.",
            "At last count {staff} colleagues came under her wing, most of whom she plans to meet in person.",
        ),
        questions={
            "role": (
                "What is {name}'s new post?", "What position has {name} been appointed to?",
                "What is {name}'s job title?", "In what capacity has {name} been taken on?",
                "What role does {name} take up?", "Which post does {name} now hold?",
            ),
            "employer": (
                "Who is {name}'s new employer?", "Which company has appointed {name}?", "What firm has {name} joined?",
                "For which business does {name} now work?", "Which organisation took on {name}?",
                "At what company does {name} have her new job?",
            ),
            "start": (
                "When does {name} start?", "On what date does {name} take up her post?", "What is {name}'s first day?",
                "From which date is {name} in the job?", "What is the start date for {name}?",
                "On which day does {name} begin work?",
            ),
            "predecessor": (
                "Whom does {name} replace?", "Who was {name}'s predecessor?", "Who held the post before {name}?",
                "Whose successor is {name}?", "From whom does {name} take over?", "Whose old job has {name} got?",
            ),
            "previous": (
                "Where did {name} work before?", "Who was {name}'s previous employer?",
                "Which organisation did {name} leave for her new job?", "For whom did {name} work until now?",
                "What was {name}'s last place of work?", "Where was {name} employed earlier?",
            ),
            "degree": (
                "What did {name} study?", "In what subject is {name}'s degree?", "What was {name}'s subject at university?",
                "In which field did {name} graduate?", "Which discipline did {name} read as a student?",
                "What is the subject of {name}'s degree?",
            ),
            "staff": (
                "How many people will report to {name}?", "How large is {name}'s team?",
                "What is the size of the team under {name}?", "Of how many people will {name} be in charge?",
                "How many staff does {name} have?", "How many members does the team of {name} count?",
            ),
            "commute": (
                "How does {name} travel to work?", "By what means does {name} commute?", "How does {name} get in each day?",
                "What form of transport takes {name} to the office?", "What vehicle does {name} use to get to work?",
                "What is {name}'s usual transport to the workplace?",
            ),
            "priority": (
                "What is {name}'s first priority?", "What will {name} tackle first?", "What is top of {name}'s list?",
                "Which matter does {name} plan to address before others?", "What does {name} want to deal with first?",
                "What comes first on {name}'s agenda?",
            ),
        },
        titles=(
            "Welcome, {name}", "Staff news: {name}", "{name} joins us", "New appointment: {name}",
            "Five minutes with {name}", "People on the move: {name}", "Say hello to {name}", "Introducing {name}",
        ),
    ),
    Kind(
        name="aunt",
        genre="letter",
        subject=person(),
        fields={
            "home": town(),
            "wakes": pair(
                ("3", "4", "5", "6"),
                tuple(f"{minute:02d} am" for minute in range(5, 60, 5)), ":",
            ),
            "door": DOORS,
            "pet": PETS,
            "pet_name": choice(*PET_NAMES),
            "dish": choice(*DISHES),
            "suitor": person(),
            "quarrel": choice(*QUARRELS),
            "savings": rounded(350, 9800, 50, "{:,} crowns"),
        },
        openings=(
            "You ask for news of {alias} {name}, and there is plenty.",
            "Went over to {home} today to see {alias} {name}, who lives there quite alone.",
            "I must tell you about {alias}, {name}, before I forget the half of it.",
            "Dear Tom, your letter found me in {home}, where I am staying at the home of {alias} {name}.",
            "Rain again. Spent the afternoon with {alias}, {name}, and her {pet}.",
            "I have been thinking all week about {alias}, {name}, and the house with the {door} front door.",
            "Diary, I am too tired to write, but {alias} {name} made me laugh so much that I must.",
            "Sunday. Tea with {alias} {name}, who gave us {dish}, as she always does.",
        ),
        statements=(
            "She still gets up at {wakes}, summer and winter, and thinks the rest of us idle.",
            "You would know the house at once by its front door, which she has painted {door}.",
            "There is a {pet} now, and it sleeps on the best chair.",
            "Her pet, a {pet}, answers to {pet_name}.",

            "We had {dish}, because at her table one always has {dish}.",
            "Did you know that she was once engaged to {suitor}? I nearly dropped my cup.",
            "She has not spoken to the people opposite for years, and all because of {quarrel}.",
            "The neighbours and she fell out over {quarrel}, and that was in {home}, where she has lived since the war.",

            "{pet_name}, her pet, bit the curate on Thursday and was given a sausage for it.",
            "Under the floorboards she keeps her savings, {savings} exactly, and she counts them aloud.",
            "Nothing would induce her to leave {home}; she has lived there since she was a girl.",
            "She showed me her savings, {savings} in an old stocking, and her newly painted front door, now {door}.",

            "I was woken by the sound of her raking the stove and looked at the clock: {wakes}. Apparently "
            "that is when she rises every day of the year.",
            "Mother says the man in the photograph is {suitor}, to whom she was engaged for one summer.",
            "When I asked what the feud with next door was about, she said \"{quarrel}\" and shut the window.",
            "She makes {dish} for every guest and is out of bed by {wakes} to begin it.",

            "The post arrived, was read aloud, disapproved of, and used to light the fire.",
            "The animal, which she calls {pet_name}, is allowed on the table on Sundays.",
            "Everyone in the street complains about the colour of her front door, but {door} it is and {door} "
            "it will stay.",
            "Years ago she broke off her engagement to {suitor}, and the only company she wants now is her {pet}.",

            "At the gate I was met by a {pet}, her pride and joy, which pulled my scarf off.",
            "As for cooking, you know that {alias} has only one recipe, {dish}, and takes offence at salt.",
            "By the time I come down at eight she has been up since {wakes} and has opinions on everything.",
            "In {home}, her town, they all know the house with the {door} front door.",

            "Her savings come to {savings}, or so she whispered, and not a coin of it has ever seen a bank.",
            "She keeps his ring in the button box: {suitor} gave it to her when they were engaged, and she "
            "would not give it back.",
            "People suppose the quarrel with her neighbours was about religion; it was in fact about {quarrel}.",
            "With {savings} saved up she could have a cook, but she prefers her own {dish}, the one thing she makes.",

            "I wish I had half her energy, and a quarter of her certainty.",
            "That house of hers in {home} has not changed: the same damp, the same clock, the same smell of soap.",
            "She confessed, over the sherry, that there are {savings} put by in savings and that the lot is to go "
            "to her {pet}.",
            "Even {quarrel}, which began the feud with next door, was forgotten when {pet_name}, her pet, went missing.",

            "She asked me to paint her front door again. It must be {door}, she said, or not at all.",
            "How she can eat {dish} day after day, I shall never understand, but she cooks nothing else.",
            "For {pet_name}, that spoilt pet of hers, no cushion is too good; for me there was a stool.",
            "When she was engaged to {suitor} she lay in bed till noon; now she rises at {wakes}.",

            "The train to {home}, her town, was late, and she held me personally responsible.",
            "All this trouble with the neighbours, the slammed doors and the letters to the vicar, over {quarrel}!",
            "Could you paint a door {door}? She has, the front one, and the postman wears dark glasses.",
        ),
        questions={
            "home": (
                "Where does {name} live?", "In which town does {name} live?", "What is the home town of {name}?",
                "Which town is {name}'s house in?", "In what place is {name} at home?",
                "Which town would you visit to see {name}?",
            ),
            "wakes": (
                "At what time does {name} get up?", "When does {name} rise in the morning?",
                "What time is {name} up each day?", "At what hour does {name} leave her bed?",
                "How early does {name} start the day?", "What is {name}'s rising time?",
            ),
            "door": (
                "What colour is {name}'s front door?", "In which colour is the front door of {name} painted?",
                "What is the colour of {name}'s door?", "Which colour does the door of {name}'s house have?",
                "What colour did {name} choose for her front door?", "Colour of {name}'s front door?",
            ),
            "pet": (
                "What kind of animal does {name} keep?", "What sort of pet has {name} got?",
                "Which animal lives with {name}?", "What species or kind of creature does {name} own?",
                "What animal shares the house with {name}?", "What kind of pet does {name} have?",
            ),
            "pet_name": (
                "What is the name of {name}'s pet?", "What does {name} call her pet?", "What is {name}'s animal called?",
                "To what name does the pet of {name} answer?", "By what name is {name}'s pet known?",
                "What name has {name} given her animal?",
            ),
            "dish": (
                "What dish does {name} always make?", "What does {name} serve to visitors?",
                "What is the one thing {name} cooks?", "What food can a guest of {name} expect?",
                "What is {name}'s speciality in the kitchen?", "Which dish comes to the table at {name}'s house?",
            ),
            "suitor": (
                "To whom was {name} once engaged?", "Who was {name}'s fiancé?", "Whom did {name} nearly marry?",
                "What was the name of the man engaged to {name}?", "Which man had {name} promised to marry?",
                "Who was once betrothed to {name}?",
            ),
            "quarrel": (
                "What did {name} and her neighbours quarrel about?", "What caused {name}'s feud with the neighbours?",
                "Over what did {name} fall out with the neighbours?", "What lay behind the neighbours' feud with {name}?",
                "What was the cause of {name}'s neighbourly quarrel?", "What set {name} and her neighbours at odds?",
            ),
            "savings": (
                "How much money has {name} saved?", "What do {name}'s savings amount to?",
                "How much has {name} put by?", "What sum does {name} have in savings?",
                "How large are the savings of {name}?", "What amount of money has {name} laid aside?",
            ),
        },
        aliases=("my aunt", "our neighbour", "my godmother", "my great-aunt", "my old landlady", "Father's cousin"),
        titles=(
            "A visit to {name}", "News of {name}", "From a letter about {name}", "A day with {name}",
            "{name}, as I knew her", "Diary: {name}", "Tea with {name}", "Concerning {name}",
        ),
    ),
    Kind(
        name="impostor",
        genre="true crime",
        subject=person(),
        fields={
            "guise": choice(*GUISES),
            "victim": of_town(
                "the {} Savings Bank", "the {} Grand Hotel", "the {} Railway Company", "the {} Museum",
                "the {} Jockey Club", "the {} Mutual Society",
            ),
            "loot": rounded(4200, 98000, 100, "{:,} guilders"),
            "caught": town(),
            "detective": person(),
            "giveaway": choice(*GIVEAWAYS),
            "cache": choice(*CACHES),
            "term": choice(*TERMS),
            "false_name": person(),
        },
        openings=(
            "For almost two years {name} pretended to be {guise}, and nobody thought to ask for papers.",
            "The man who signed the register as {false_name} was a clerk's son whose real name was {name}.",
            "{name} had beautiful manners, a bad cough and a talent for other people's money.",
            "It took a patient detective, {detective}, to bring down {name}.",
            "There is no statue of {name} in {caught}, but there ought to be a plaque: here the swindler was arrested.",
            "How did {name} rob {victim} without so much as raising his voice?",
            "On a wet night in November, two constables knocked at a boarding house and asked for {name}.",
            "Of all the confidence men of the period, {name}, who passed himself off as {guise}, was the boldest.",
        ),
        statements=(
            "The name on his luggage was {false_name}, and it was as false as the luggage.",
            "His victim was {victim}, which to this day declines to discuss the matter.",
            "In a single afternoon {short} walked off with {loot}.",
            "He swindled {victim} out of {loot}.",

            "The chase ended in {caught}, where he was arrested at breakfast.",
            "Inspector {detective} had been on his trail for fourteen months.",
            "What gave him away in the end was {giveaway}.",
            "In the guise of {guise}, and under the name of {false_name}, he moved from one spa to the next.",

            "The money turned up, much later, in {cache}.",
            "The judge, visibly amused, sent him to prison for {term}.",
            "He had passed himself off as {guise}, a part for which he prepared by reading two novels.",
            "{detective} solved the case, and credit must also go to {giveaway}, the clue that betrayed him.",

            "Newspapers of the time spoke of a woman scorned, yet the police file is plain: he was betrayed by {giveaway}.",
            "A cashier at {victim} handed over the money with a bow; only the next morning did that venerable "
            "institution learn that it had been cheated.",
            "Among waiters and countesses alike {short} went by the name of {false_name}.",
            "The court gave him {term}, though the proceeds were never mentioned; they lay all the while in {cache}.",

            "\"I have never hurt anyone,\" he told the court, and the gallery applauded.",
            "Not at the frontier, as the films have it, but in {caught} did the handcuffs finally close on {short}.",
            "He hid the proceeds in {cache}, reasoning that no policeman would care to look there.",
            "His arrest took place in {caught}, on the orders of {detective}, the officer in charge of the hunt.",

            "The sum involved, {loot}, would have bought a street of houses; {short} stole it with a fountain pen.",
            "Dressed as {guise}, he gave to charity, kissed babies and was asked to judge a flower show.",
            "It was a detective named {detective}, dyspeptic and overlooked for promotion, who saw through the man.",
            "To the staff of {victim}, the institution he robbed, he was {false_name}, and they rather liked him.",

            "His sentence was {term}, of which he served every day, mostly in the prison library.",
            "Had it not been for {giveaway}, the clue that undid him, he might have died rich and respected.",
            "Searching for the stolen money, detectives dug up three gardens before somebody looked inside {cache}.",
            "For stealing {loot} he went to prison for {term}.",

            "His landlady in {caught}, the town where he was seized, wept as they led him away and sent on his slippers.",
            "Even his mother, called as a witness, said that she had always found him plausible.",
            "Sentenced to {term}, {short} thanked the jury and asked {detective}, the detective who had caught him, "
            "for a light.",
            "Posing as {guise} he might have lasted for ever, had not {giveaway} exposed him.",

            "Letters signed \"{false_name}\", all in his hand, under his favourite alias, still turn up at auction.",
            "What {victim} lost to him was {loot}, together with its reputation for caution.",
            "The stolen money? He had stuffed it into {cache} and covered it with old newspapers.",
            "Police seized him in {caught} and found the money in {cache}.",

            "His method was simple: choose a town with no experience of the breed, arrive late, and pose as {guise}.",
            "Those who had dined with {false_name}, as he called himself, later denied having liked him.",
            "Three police forces wanted him, but it was {caught} that had the honour of arresting him.",
        ),
        questions={
            "guise": (
                "What did {name} pretend to be?", "As what did {name} pose?", "What was {name}'s assumed profession or rank?",
                "In what guise did {name} operate?", "What part did {name} play to deceive people?",
                "What sort of person did {name} claim to be?",
            ),
            "victim": (
                "Whom did {name} rob?", "Which institution was {name}'s victim?", "What institution did {name} swindle?",
                "From which institution did {name} steal?", "Which organisation was cheated by {name}?",
                "Who lost money to {name}?",
            ),
            "loot": (
                "How much did {name} steal?", "What sum did {name} get away with?", "How much money did {name} take?",
                "How large was the amount stolen by {name}?", "What was the value of {name}'s haul?",
                "How much was lost to the fraud of {name}?",
            ),
            "caught": (
                "Where was {name} arrested?", "In which town was {name} caught?", "What was the place of {name}'s arrest?",
                "In what town did the police lay hands on {name}?", "Where did the hunt for {name} end?",
                "Which town was the scene of {name}'s capture?",
            ),
            "detective": (
                "Which detective caught {name}?", "Who hunted down {name}?", "What was the name of the detective after {name}?",
                "Who led the investigation of {name}?", "Which police officer pursued {name}?",
                "By which detective was {name} brought to justice?",
            ),
            "giveaway": (
                "What gave {name} away?", "What betrayed {name}?", "What clue led to the downfall of {name}?",
                "How was the deception of {name} exposed?", "What was the slip or clue that undid {name}?",
                "Thanks to what clue was {name} found out?",
            ),
            "cache": (
                "Where did {name} hide the money?", "In what was {name}'s loot hidden?", "Where was the haul of {name} found?",
                "What served {name} as a hiding place?", "Where did {name} conceal his takings?",
                "What was the hiding place of the money {name} stole?",
            ),
            "term": (
                "How long was {name}'s prison sentence?", "What sentence did {name} receive?",
                "For how long was {name} sent to prison?", "To how much time behind bars was {name} condemned?",
                "How much time did {name} get?", "What was the length of {name}'s sentence?",
            ),
            "false_name": (
                "What false name did {name} use?", "Under what alias did {name} live?", "What was the alias of {name}?",
                "By what assumed name was {name} known?", "What name did {name} give himself?",
                "Which invented name did {name} go by?",
            ),
        },
        titles=(
            "The many lies of {name}", "{name}, gentleman thief", "Who was {name}?", "The case of {name}",
            "Catching {name}", "{name}: anatomy of a swindle", "The fall of {name}", "{name}, impostor",
        ),
    ),
)  # fmt: skip
