"""News: what a local paper prints about fires, openings, thefts, votes, weather and the courts."""

from regrad_jax.data.almanac.kinds import (
    Kind,
    choice,
    clock,
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
)

COUNTS = (
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen",
    "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "twenty-one", "twenty-two",
    "twenty-three",
)  # fmt: skip
CAUSES = (
    "a cracked boiler", "a dropped cigarette", "a faulty heater", "an overloaded socket", "a blocked chimney",
    "a toppled candle", "an oily rag", "a leaking gas ring", "a seized bearing", "a frayed cable",
    "a broken lantern",
    "a forgotten iron", "a burst fuel pipe", "an unattended stove", "a welder's spark", "a jammed conveyor",
    "a discarded match", "a short circuit", "a spilt drum of varnish", "an overheated motor",
    "a worn drive belt",
    "a badly wired kettle", "a pile of damp hay", "a stray firework",
)  # fmt: skip
ROOMS = (
    "the drying loft", "the packing room", "the boiler house", "the coal cellar", "the north stairwell",
    "the canteen",
    "the paint store", "the lift shaft", "the counting office", "the loading bay", "the attic",
    "the cloakroom",
    "the pump room", "the lower warehouse", "the pattern shop", "the mess room", "the archive", "the stables",
    "the carpenter's shop", "the laboratory", "the back kitchen", "the bottle store",
)  # fmt: skip
PASSERS_BY = (
    "a passing milkman", "a schoolgirl", "a tram conductor", "an off-duty nurse", "a dog walker",
    "a window cleaner",
    "a choirboy", "a bargeman", "a traffic warden", "a visiting auditor", "a paper boy", "a taxi driver",
    "a curate",
    "a retired signalman", "a street sweeper", "a jogger", "a bus inspector", "an apprentice fitter",
    "a birdwatcher",
    "a coal merchant", "a travelling salesman", "an ice-cream seller",
)  # fmt: skip
FORMER_USES = (
    "a tram depot", "a fish smokery", "a candle factory", "a corn exchange", "a fire station",
    "a Methodist chapel",
    "a bus garage", "a tannery", "a telephone exchange", "a dance hall", "a customs house",
    "a horse hospital",
    "a printing works", "a cold store", "a courthouse", "a girls' school", "a brush factory",
    "a pumping station",
    "an ice house", "a sail loft", "a bonded warehouse", "an umbrella shop", "a drill hall",
)  # fmt: skip
GIFTS = (
    "a tin whistle", "a slice of plum cake", "a cotton towel", "a pot of basil", "a jar of honey",
    "a paper fan",
    "an enamel badge", "a bar of soap", "a wooden spoon", "a silk bookmark", "a cup of cocoa",
    "a box of matches",
    "a red balloon", "a tea towel", "a pocket mirror", "a bag of walnuts", "a lavender sachet",
    "a china thimble",
    "a pencil case", "a lemon tart", "a pair of socks", "a tulip bulb",
)  # fmt: skip
SCENES = (
    "a dentist's waiting room", "a locked vestry", "a hotel safe", "a railway carriage", "a bank vault",
    "a cloakroom",
    "a parked caravan", "an auction room", "a boathouse", "a wedding marquee", "a glass cabinet",
    "a piano stool",
    "a jeweller's window", "an upstairs bedroom", "a library annexe", "a tailor's back room", "a garden shed",
    "a mayoral limousine", "a school trophy case", "a restorer's workshop", "a ship's cabin",
    "a writing desk",
)  # fmt: skip
HIDING_PLACES = (
    "a pickle barrel", "a disused well", "a sack of flour", "a cuckoo clock", "a left-luggage locker",
    "a beehive",
    "a rolled-up carpet", "a water butt", "a drum of paint", "a hollow oak", "a cello case",
    "a chest freezer",
    "a chimney flue", "a compost heap", "a coal scuttle", "a hat box", "a rabbit hutch", "a tuba",
    "a stuffed bear",
    "a church organ", "a loaf of bread", "a golf bag",
)  # fmt: skip
GETAWAYS = (
    "a milk float", "a tandem", "a baker's van", "a stolen hearse", "a rowing boat", "a grey moped",
    "a pony trap",
    "a hired minibus", "a tractor", "a motorcycle and sidecar", "a canoe", "an ice-cream van",
    "a delivery bicycle",
    "a red sports car", "a horsebox", "a coal lorry", "a mobility scooter", "a yellow taxi",
    "a fishing smack",
    "a night bus", "a removal van", "a pair of roller skates",
)  # fmt: skip
CLUES = (
    "a torn glove", "a bus ticket", "a half-eaten pear", "a brass button", "a muddy bootprint",
    "a library card",
    "a trail of sawdust", "a broken fingernail", "a smear of marmalade", "a pawn ticket",
    "a monogrammed hankie",
    "a dropped hearing aid", "a whiff of camphor", "a strand of red hair", "a laundry mark",
    "a chewed pencil",
    "a single cufflink", "a theatre programme", "a false moustache", "a bicycle clip", "a pipe stem",
    "a peacock feather",
)  # fmt: skip
POSTS = (
    "mayor", "harbour master", "town crier", "county treasurer", "bridge warden", "coroner", "parish clerk",
    "sheriff",
    "school board chair", "market overseer", "fire commissioner", "provost", "borough librarian",
    "water bailiff",
    "city auditor", "registrar of births", "parks superintendent", "district judge", "tax assessor",
    "rent officer",
    "chief magistrate", "poor law guardian",
)  # fmt: skip
TRADES = (
    "plumber", "chiropodist", "dairy farmer", "cinema projectionist", "wrestler", "upholsterer",
    "dance teacher",
    "ferry captain", "fishmonger", "botanist", "butcher", "speech therapist", "jazz drummer",
    "crane operator",
    "wedding photographer", "bus driver", "milliner", "crossword setter", "pharmacist", "cheesemaker",
    "blacksmith",
    "tree surgeon", "postal worker", "pastry cook",
)  # fmt: skip
PLEDGES = (
    "a free ferry", "cheaper bread", "a second fire engine", "a public bathhouse", "safer crossings",
    "a lower dog tax",
    "a new swimming pool", "later closing hours", "an outdoor market", "clean drinking water", "a skate park",
    "quieter trams", "a maternity ward", "wider pavements", "a covered bandstand", "free school meals",
    "a tree nursery",
    "better street lamps", "a night bus", "an ice rink", "fewer pigeons", "a flood wall",
)  # fmt: skip
FALLEN = (
    "a water tower", "a row of poplars", "the bandstand", "a church spire", "a radio mast",
    "the old gasworks chimney",
    "a statue of a general", "a circus tent", "a crane", "the pier pavilion", "a village cricket scoreboard",
    "a grain silo", "a footbridge", "a monkey puzzle tree", "the station canopy", "a windmill", "a ski lift",
    "the lido diving board", "a multi-storey hen house", "a railway signal", "the market cross",
    "a brick kiln",
)  # fmt: skip
REFUGES = (
    "the cattle market", "a bowling alley", "the town cinema", "a disused tunnel", "the grammar school",
    "a mosque",
    "the bus depot", "an ice rink", "the county gaol", "a cider warehouse", "the opera house",
    "a moored ferry",
    "the museum basement", "a squash club", "the abbey crypt", "a furniture showroom", "the public library",
    "a riding school", "the swimming baths", "a bingo hall", "the brewery cellars", "a tennis dome",
)  # fmt: skip
STRAYS = pair(
    ("brown", "piebald", "sandy", "young", "black", "elderly", "tame", "lame", "white"),
    (
        "heifer",
        "llama",
        "ram",
        "donkey",
        "pelican",
        "billy goat",
        "sheepdog",
        "peacock",
        "piglet",
        "swan",
        "pony",
    ),
)
GRIEVANCES = (
    "a collapsed deckchair", "a mislaid piano", "a ruined wedding cake", "a noisy weathervane",
    "a leaking roof",
    "an exploding kettle", "a shrunken overcoat", "a poisoned orchard", "a crooked staircase",
    "a lost coffin",
    "a misprinted atlas", "a runaway lawnmower", "a bad haircut", "a blocked view", "a mouldy mattress",
    "a forged will",
    "a cancelled cruise", "a bald fur coat", "an unpaid pension", "a drained fishpond", "a cracked denture",
    "a stolen recipe",
)  # fmt: skip
EXPERTS = (
    "hydrologist", "piano restorer", "entomologist", "handwriting analyst", "roofing contractor",
    "pathologist",
    "lock designer", "soil chemist", "actuary", "toxicologist", "metallurgist", "toy inspector",
    "acoustician",
    "paper historian", "dermatologist", "lift engineer", "botanical illustrator", "textile conservator",
    "ballistician",
    "food hygienist", "land surveyor", "prosthetist",
)  # fmt: skip
EXHIBITS = (
    "a jar of nails", "a scorched apron", "a plaster foot", "a ship's bell", "a bent spoon",
    "a bundle of receipts",
    "a dead wasp", "a mud-stained ledger", "a length of hosepipe", "a scale model", "a tape recording",
    "a wooden leg",
    "a garden gnome", "a chipped teacup", "a string of pearls", "a blunt scalpel", "a child's drawing",
    "a rusty hinge", "a pickled herring", "a torn curtain", "a brass thermometer", "an alarm clock",
)  # fmt: skip

KINDS = (
    Kind(
        name="accident",
        genre="local news report",
        subject=of_town(
            "the {} Sawmill", "the {} Laundry", "the {} Brewery", "the {} Granary", "the {} Cannery",
            "the {} Foundry",
            "the {} Rope Factory", "the {} Biscuit Factory", "the {} Paper Mill", "the {} Glue Factory",
        ),
        fields={
            "cause": choice(*CAUSES),
            "origin": choice(*ROOMS),
            "date": date(),
            "time": clock(),
            "injured": choice(*COUNTS),
            "rescuer": person(),
            "raiser": choice(*PASSERS_BY),
            "damage": rounded(12000, 980000, 1000, "{:,} crowns"),
            "brigade": town(),
        },
        openings=(
            "Fire tore through {name} on {date}, and the likeliest culprit is {cause}.",
            "CREWS CALLED to {name}. Alarm logged {time}. Everyone out. Roof gone.",
            "It will be a good while before anybody works at {name} again.",
            "The blaze at {name} on {date} left {injured} people needing treatment.",
            "Readers will have smelt the smoke for themselves: {name} has burned, and the bill stands at "
            "{damage}.",
            "The inquiry into the fire at {name} opened this week before a thin public gallery.",
            "What started as a flicker in {origin} has gutted a good part of {name}.",
            "Firefighters from {brigade} fought a blaze at {name} that was reported at {time}.",
        ),
        statements=(
            "Investigators blame {cause}.",
            "The first flames were seen in {origin}, behind a stack of empty crates.",
            "Nobody died, but {injured} people were taken to the infirmary, most of them for smoke.",
            "Insurers' estimate: {damage}. Crews from: {brigade}.",
            "It was {raiser} who noticed the smoke and hammered on the gate.",
            "\"I only did what anyone would have done,\" said {rescuer}, who had gone back in twice for "
            "workmates.",
            "At {time} the siren went, and by the time the hoses were connected half of the roof had fallen "
            "in.",
            "Having run to the callbox, {raiser} was connected at {time} and kept on the line.",
            "Not arson, as the rumour in the pubs would have it, but {cause}: that is the finding of the "
            "inspector.",
            "With its own brigade away on exercise, the parish had to rely on pumps sent over from "
            "{brigade}.",
            "The date, {date}, will not be forgotten in these streets.",
            "From {origin} the fire spread upwards; {rescuer} led the trapped workers down a drainpipe.",
            "The owners of {alias} put the loss at {damage}, which does not count the orders they will now "
            "miss.",
            "A medal has been proposed for {rescuer}.",
            "Of those on the premises, {injured} were hurt.",
            "Blame fell on {cause}, and the injured numbered {injured}.",
            "Neighbours carried out chairs, a kettle and, for some reason, a stuffed pike.",
            "Had {raiser} not been going by, the fire chief remarked, we should be talking about a whole "
            "street.",
            "The report places the seat of the fire in {origin}, well away from the main store, where most "
            "people had "
            "looked for it.",
            "It happened on {date}; those who were led to safety have {rescuer} to thank.",
            "Hoses were run from the canal by the {brigade} brigade, whose engine got stuck twice on the "
            "way.",
            "The clock in the yard stopped at {time}, the very minute of the alarm.",
            "According to the loss adjuster, who spent two days among the ashes with a notebook, the figure "
            "is {damage} "
            "and not a crown less.",
            "Alarm given by {raiser}; source of ignition, {cause}.",
            "Ambulances made several journeys, since {injured} casualties had to be moved and only one "
            "could lie "
            "down in each.",
            "{rescuer} broke a window with a fire bucket and pulled out those who could not walk.",
            "On {date}, a day that had begun like any other at {alias}, {cause} put an end to the week's "
            "work.",
            "The brigade of {brigade} reached the spot and aimed its jets at {origin}, where it had all "
            "begun.",
            "Children have been asked to stay away from the ruin; naturally, they have not.",
            "A collection for the families has been started at the post office.",
            "The volunteers, it turned out, had come all the way from {brigade}, although the papers first "
            "thanked "
            "another town.",
            "The calendar on the charred wall showed {date}, and the assessor's sheet beneath it said "
            "{damage}.",
        ),
        questions={
            "cause": (
                "What caused the fire at {name}?", "What set {name} alight?",
                "What was the cause of the blaze at {name}?",
                "To what is the burning of {name} put down?", "What started the fire at {name}?",
                "What do investigators hold responsible for the fire at {name}?",
            ),
            "origin": (
                "In which part of {name} did the fire start?",
                "Where inside {name} did the flames first appear?",
                "Which room of {name} caught fire first?", "In what part of {name} did it begin to burn?",
                "Where in {name} was the seat of the fire?",
            ),
            "date": (
                "On what date did {name} burn?", "On which day was the fire at {name}?",
                "What was the date of the blaze at {name}?", "On what day of the year did {name} catch fire?",
                "Which day and month saw the fire at {name}?",
            ),
            "time": (
                "At what time was the alarm raised at {name}?",
                "What time of day was the fire at {name} reported?",
                "At what hour did the alarm go for {name}?", "At what time was the fire at {name} called in?",
                "What did the clock say when the alarm for {name} was given?",
            ),
            "injured": (
                "How many people were hurt in the fire at {name}?", "How many were injured at {name}?",
                "What was the number of casualties at {name}?",
                "How many people did the blaze at {name} injure?",
                "How many victims of the fire at {name} needed treatment?",
            ),
            "rescuer": (
                "Who brought people out of the fire at {name}?", "Who saved the trapped workers at {name}?",
                "Who was the hero of the blaze at {name}?", "Who rescued people from {name}?",
                "To whom do the survivors at {name} owe their escape?",
                "Whose courage saved workers at {name}?",
            ),
            "raiser": (
                "Who raised the alarm about the fire at {name}?",
                "Who first noticed that {name} was on fire?",
                "Who alerted the brigade to the blaze at {name}?", "Who gave the alarm when {name} burned?",
                "By whom was the fire at {name} discovered?",
            ),
            "damage": (
                "How much damage did the fire at {name} do?", "At what sum is the loss at {name} put?",
                "What will the fire cost the owners of {name}?",
                "What was the damage at {name} estimated at?",
                "How large was the financial loss at {name}?",
            ),
            "brigade": (
                "From which town did the firefighters come to {name}?",
                "Which town sent its brigade to {name}?",
                "Where were the fire crews at {name} from?",
                "Which town's firemen fought the blaze at {name}?",
                "Where did the engines that attended {name} come from?",
            ),
        },
        aliases=("the building", "the site", "the plant"),
        titles=(
            "Blaze at {name}", "{injured} hurt in fire", "Fire at {name}: {rescuer} praised",
            "Flames sweep {name}",
            "Inquiry opens into {name}", "Fire crews from {brigade} called to blaze",
            "Smoke over town after fire on {date}",
            "Loss of {damage} at {name}",
        ),
    ),
    Kind(
        name="opening",
        genre="press notice",
        subject=of_town(
            "the {} Lido", "the {} Playhouse", "the {} Eye Clinic", "the {} Swimming Hall", "the {} Arcade",
            "the {} Picture House", "the {} Bazaar", "the {} Skating Rink", "the {} Tea Room",
            "the {} Bookshop",
        ),
        fields={
            "date": date(),
            "opener": person(),
            "architect": person(),
            "cost": decimal(0.3, 9.8, "{:.2f} million pounds"),
            "former": choice(*FORMER_USES),
            "gift": choice(*GIFTS),
            "firsts": rounded(20, 400, 5, "{}"),
            "closing": pair(("5", "6", "7", "8", "9", "10", "11"), ("00 pm", "15 pm", "30 pm", "45 pm"), ":"),
            "colour": pair(
                ("pale", "dark", "bright", "dusty", "deep", "glossy"),
                ("green", "red", "blue", "yellow", "purple", "orange", "pink", "grey"),
            ),
        },
        openings=(
            "FOR IMMEDIATE RELEASE. {name} welcomes its first public on {date}.",
            "Good news at last for everybody who has peered through the hoardings: {name} is nearly ready.",
            "{opener} has agreed to declare {name} open.",
            "Designed by {architect}, {name} is about to open its doors.",
            "We have the pleasure of announcing the completion of {name}, built at an expense of {cost}.",
            "Where {former} used to be, {name} now stands.",
            "{name}: doors open soon. Lights-out at {closing} daily. All welcome.",
            "On {date} {opener} will open {name}.",
        ),
        statements=(
            "The ribbon will be cut by {opener}, who has promised to bring scissors that work.",
            "Put opening day in your diary: {date}.",
            "Until a few years ago the address belonged to {former}.",
            "Architect: {architect}. Budget: {cost}.",
            "Early risers are rewarded: {gift} goes to each of the first {firsts} people in the queue.",
            "You cannot miss the front door, which is painted {colour}.",
            "Last visitors are shown out at {closing}.",
            "Once {former}, {alias} now presents a {colour} door to the street.",
            "Drawings by {architect} had lain in a council drawer for six years before anyone dared to "
            "price them.",
            "The whole undertaking has come to {cost}, nearly all of it raised by subscription.",
            "No tickets are needed, but be prompt, since only {firsts} people will get something for "
            "nothing.",
            "Each of the first {firsts} guests takes home {gift}.",
            "Contrary to what the Gazette printed last week, the ceremony is not on the Sunday at all but "
            "on {date}.",
            "\"I had wanted a colour that children would remember,\" the decorator explains of the {colour} "
            "entrance.",
            "Regulars need not hurry their evenings, for {alias} does not shut until {closing}.",
            "Shuts every evening at {closing}; to be inaugurated on {date}.",
            "Older neighbours still speak of {former}, for that is what was here, and its iron hooks hang "
            "in the hall.",
            "{opener}, a friend of the project from the start, performs the ceremony, the brass band "
            "permitting.",
            "Those who come early find {gift} waiting for them at the desk.",
            "The opening is by {opener}, the plans are by {architect}, and the buns are by the Women's "
            "Guild.",
            "Asked what had been hardest to design, the architect, {architect}, named the drains.",
            "A bequest, two raffles and a loan together covered the {cost} that was needed, with eleven "
            "pounds left over.",
            "There is step-free access from the car park, and dogs may wait in the porch.",
            "They say it has cost {cost}, and all that remains of {former} is a sundial.",
            "Between them the builders used forty tonnes of sand and a {colour} paint mixed for the door "
            "alone.",
            "After {closing} the caretaker lets the cat in and everyone else out.",
            "Bring nothing, wear what you like, come on {date}, and if you are among the first {firsts}, "
            "something "
            "will be pressed into your hand.",
            "Expect a gift ({gift}) and a welcome beneath the {colour} lintel of the door.",
            "The committee thanks all who lent ladders.",
            "Not a fountain pen, as one leaflet wrongly states, but {gift} is what the quickest arrivals "
            "are to receive.",
            "It was {architect} who, at the drawing board, saw that the walls of {former} could be saved.",
            "Remember that {opener} unlocks at noon that day and that the normal hour for locking up is "
            "{closing}.",
        ),
        questions={
            "date": (
                "On what date does {name} open?", "When is the opening of {name}?",
                "On which day will {name} receive its first visitors?",
                "What day has been fixed for the opening of {name}?",
                "Which date is set for the inauguration of {name}?",
                "For when is the opening ceremony of {name} announced?",
            ),
            "opener": (
                "Who will open {name}?", "Who performs the opening ceremony of {name}?",
                "Who has been invited to declare {name} open?", "By whom is {name} to be opened?",
                "Which guest of honour opens {name}?",
            ),
            "architect": (
                "Who was responsible for the design of {name}?", "Who drew the plans of {name}?", "Who is the architect of {name}?",
                "At whose drawing board was {name} planned?", "To which architect was {name} entrusted?",
            ),
            "cost": (
                "What did {name} cost in all?", "What sum has been spent on creating {name}?",
                "What price tag does {name} carry?",
                "How much money went into {name}?", "What did it cost to build {name}?",
            ),
            "former": (
                "What stood on the site of {name} before?", "What was in the building of {name} earlier?",
                "What did {name} replace?", "What was there before {name} came?",
                "What occupied the premises before {name} moved in?",
            ),
            "gift": (
                "What do the first visitors to {name} receive?",
                "What free gift awaits early guests of {name}?",
                "What is being given away at the opening of {name}?",
                "With what gift does {name} reward early arrivals?",
                "What present does {name} hand to those who come first?",
            ),
            "firsts": (
                "How many early visitors to {name} get a present?",
                "To how many people does {name} give something free?",
                "How many guests of {name} will be given a gift?",
                "How many of the first comers does {name} reward?",
                "What number of arrivals at {name} may expect a gift?",
            ),
            "closing": (
                "At what time does {name} close?", "Until when is {name} open in the evening?",
                "When must the public leave {name} each day?", "What is the closing time of {name}?",
                "At what hour does {name} shut for the night?",
            ),
            "colour": (
                "What colour is the door of {name}?", "In which colour is the entrance to {name} painted?",
                "What is the colour of the front door at {name}?",
                "Which colour does the door of {name} have?",
                "How is the door of {name} painted?",
            ),
        },
        aliases=("the new place", "the building", "the newcomer"),
        titles=(
            "{name} to open", "Opening: {date}", "{opener} to open {name}", "Soon to open: {name}",
            "{name} readies itself",
            "Press notice", "{architect} completes {name}", "{cost} well spent?",
        ),
    ),
    Kind(
        name="theft",
        genre="crime column",
        subject=of_surname(
            "the {} Chalice", "the {} Brooch", "the {} Tiara", "the {} Snuffbox", "the {} Barometer",
            "the {} Salver",
            "the {} Locket", "the {} Globe", "the {} Sabre", "the {} Manuscript",
        ),
        fields={
            "date": date(),
            "scene": choice(*SCENES),
            "owner": person(),
            "worth": rounded(900, 96000, 100, "{:,} guineas"),
            "officer": person(),
            "thief": person(),
            "hiding": choice(*HIDING_PLACES),
            "getaway": choice(*GETAWAYS),
            "clue": choice(*CLUES),
        },
        openings=(
            "{name}, the property of {owner}, has been stolen and, happily, found again.",
            "STOLEN {date}, from {scene}: {name}. Since recovered. Charge brought.",
            "Nobody heard a thing on the evening when {name} disappeared.",
            "Inspector {officer} has closed the file on {name}, which was taken on {date}.",
            "You will remember the fuss about {name}; well, it was in {hiding} all along.",
            "The theft of {name} has been solved, thanks to {clue}.",
            "At the magistrates' court {thief} has admitted stealing {name}.",
            "{name} was lifted from {scene} and carried off in or on {getaway}.",
        ),
        statements=(
            "Officers had been told to look for {getaway}, in which, or on which, the culprit was seen "
            "leaving.",
            "It belongs to {owner}, who inherited it from a great-aunt and has never much liked it.",
            "The thief, one {thief}, came quietly and asked for a sandwich.",
            "Owner: {owner}. Valuation: {worth}. Arrested: {thief}.",
            "At the time {alias} was being kept in {scene}, which the insurers now call unwise.",
            "The detective in charge, {officer}, declined to be photographed.",
            "What gave the game away was {clue}, left behind on the sill.",
            "The police inquiry was led by {officer}, who made much of {clue}.",
            "Some four weeks later {alias} turned up, scarcely scratched, in {hiding}.",
            "A dealer who was asked for an opinion put its price at {worth}, \"on a good day and with the "
            "right "
            "hammer\".",
            "It vanished on {date}.",
            "After weeks of searching, a plumber came upon {alias} in {hiding}, wrapped in a tea towel.",
            "Police had first suspected the butler, as police will, but the confession of {thief} cleared "
            "him.",
            "For the owner, {owner}, the worst of it was the draught, because the door had been left open.",
            "Had it not been for {clue}, overlooked by two constables and picked up by a third, nobody "
            "would have been "
            "caught.",
            "Between the soup and the fish, {alias} was removed from {scene}, and {getaway} was used for "
            "the escape.",
            "Escape by ladder, then by {getaway}; no pursuit.",
            "\"We never gave up,\" said {officer}, \"although my sergeant did.\"",
            "Before the theft of {date} hardly anyone had heard of {alias}; since then the parish has "
            "talked of nothing else, and of "
            "{scene}, from which it went in under a minute.",
            "Taken on {date}; reported missing by its owner, {owner}, the following morning.",
            "Insured for nothing, although worth {worth}, it had been dusted once a year and otherwise "
            "ignored.",
            "In the dock stood {thief}, a former choirmaster, who gave as a motive \"boredom, your "
            "worship\".",
            "The hiding place was not the river, as the divers had been assured, but {hiding}.",
            "A reward is out of the question, says the family, even for a thing of {worth}.",
            "Sceptics doubted the word of the witness who had seen the thief depart with {getaway}, but two "
            "others "
            "have borne her out.",
            "Members of the public are reminded to lock their windows.",
            "Thanks are due to {officer}, whose suspicion fell on {thief} long before there was proof.",
            "{thief} had made off by means of {getaway} and thought that was the end of it.",
            "A neighbour's terrier barked, it is said, and was told to be quiet.",
            "Whoever took it from {scene} knew the place, the hour and the dog.",
            "The evidence was slight: {clue}, a scratch on the paint and the smell of peppermint.",
            "Both {officer} and the owner were present when {alias} was lifted out of {hiding}.",
        ),
        questions={
            "date": (
                "On what date was {name} stolen?", "On which day did {name} disappear?",
                "When did the theft of {name} occur?",
                "What was the date of the theft of {name}?", "Since which day had {name} been missing?",
            ),
            "scene": (
                "From where was {name} stolen?", "Where was {name} kept when the thief took it?",
                "Out of what place did {name} vanish?", "What was the scene of the theft of {name}?",
                "In what place was {name} when it was taken?",
            ),
            "owner": (
                "To whom must the police return {name}?", "Who was the victim of the theft of {name}?", "Whose possession was {name} before it was taken?",
                "Who is the rightful owner of {name}?", "From which person was {name} stolen?",
            ),
            "worth": (
                "How much is {name} worth?", "At what figure was {name} valued?",
                "What is the value of {name}?",
                "What price was put on {name}?", "What might {name} fetch?",
            ),
            "officer": (
                "Who investigated the theft of {name}?", "Which detective handled the case of {name}?",
                "Which police officer looked into the disappearance of {name}?",
                "Who led the police inquiry into {name}?",
                "What was the name of the investigator who dealt with the loss of {name}?",
            ),
            "thief": (
                "Who stole {name}?", "Who was charged with taking {name}?",
                "Who turned out to be the thief of {name}?",
                "By whom was {name} stolen?", "Who was the culprit in the case of {name}?",
            ),
            "hiding": (
                "Where was {name} recovered?", "In what had {name} been hidden?",
                "Where did {name} turn up again?",
                "In what hiding place was {name} discovered?", "Where had the thief concealed {name}?",
            ),
            "getaway": (
                "By what means did the thief of {name} get away?",
                "What did the thief of {name} escape on or in?",
                "In or on what was {name} carried off?",
                "What served as the getaway vehicle when {name} was stolen?",
                "Which vehicle was used by the person who took {name}?",
            ),
            "clue": (
                "Which clue solved the theft of {name}?", "What betrayed the thief of {name}?",
                "What evidence was left behind by whoever took {name}?",
                "What was the clue in the case of {name}?",
                "What trace led police to the thief of {name}?",
            ),
        },
        aliases=("the piece", "the treasure", "the heirloom"),
        titles=(
            "{name} recovered", "From the notebook of the constable", "{thief} in the dock",
            "The theft of {name}",
            "Stolen on {date}", "Caught by {clue}", "Case closed: {name}", "{officer} gets results",
        ),
    ),
    Kind(
        name="election",
        genre="election report",
        subject=person(),
        fields={
            "post": choice(*POSTS),
            "town": town(),
            "votes": number(212, 9870),
            "rival": person(),
            "predecessor": person(),
            "pledge": choice(*PLEDGES),
            "turnout": decimal(21, 89, "{:.1f} per cent"),
            "trade": choice(*TRADES),
            "sworn": date(),
        },
        openings=(
            "{name} is the new {post} of {town}.",
            "RESULT. Elected: {name}, {votes} votes. Recount: none.",
            "Until last week {name} was a {trade}, and few would have bet on a career in politics.",
            "The voters of {town} have chosen {name} over {rival}.",
            "By the narrowest of routes, and to the surprise of the bookmakers, {name} has won.",
            "It is official: {name} will follow {predecessor}.",
            "Whereas the returning officer has so certified, {name} was sworn in on {sworn}.",
            "{name}, who promised {pledge}, was elected {post}.",
        ),
        statements=(
            "The oath was taken on {sworn}, in a room smelling of floor polish.",
            "Defeated on the day was {rival}, who shook every hand in the hall and then went home.",
            "The campaign rested on a single promise: {pledge}.",
            "Votes cast for {short}: {votes}. Turnout: {turnout}.",
            "\"I shall go on getting up at five,\" said {short}, a {trade} of many years' standing.",
            "The job in question is that of {post}, unpaid but for the use of a bicycle.",
            "Only {turnout} of those entitled to vote took the trouble.",
            "{alias}, by trade a {trade}, had the support of {votes} electors.",
            "{predecessor} had held the office for eleven years and did not stand again.",
            "In {town} the bells were rung, in error, before the last box had been counted.",
            "When the tellers had finished, {votes} papers lay in the winning pile, and one of them had a "
            "poem on it.",
            "{short} moved into the desk left by {predecessor} on {sworn}.",
            "Nobody could say afterwards quite how {pledge} would be paid for, but it was a popular idea.",
            "The runner-up, {rival}, is considering an appeal.",
            "There was little sleep for {alias}, who will now serve as {post} and had to be measured for "
            "the chain.",
            "Elected {post}, {short} has told the people of {town} to expect {pledge}.",
            "As for the share of the electorate that came out, it was {turnout}, the best figure since the "
            "war, or so "
            "the clerk believes.",
            "Before politics there was an honest living to be made, and {short} made it as a {trade}.",
            "Out goes {predecessor}; in comes {short}, with two suitcases and a fern.",
            "{rival} lost on a turnout of {turnout}.",
            "Not the twelve hundred that the evening paper reported but {votes} people put their cross "
            "beside the "
            "name of {alias}.",
            "Having received the seals from {predecessor}, {alias} made a speech that lasted less than a "
            "minute.",
            "It was a wet day, and the polling clerks played cards.",
            "{predecessor}, on leaving the office, advised against {pledge}, the main plank of the "
            "programme.",
            "From {sworn}, the day of the swearing-in, all complaints are to be addressed to {short}.",
            "Posters bearing the face of {rival}, the only other candidate, are to be taken down by Friday.",
            "Few towns of its size argue as much as {town}, which went to the polls for the third time in "
            "two years to "
            "find a new {post}.",
            "The {trade} beat {rival}.",
            "Asked about {pledge}, which had been printed on four thousand leaflets, {alias} replied that "
            "it would come.",
            "Supporters sang; somebody brought a goose.",
            "The count, held in {town} under the eyes of both agents, passed off without a quarrel.",
            "Sworn in at {town} on {sworn}.",
        ),
        questions={
            "post": (
                "To which post was {name} elected?", "What office did {name} win?",
                "What position does {name} now hold?",
                "As what was {name} elected?", "Which public office has {name} taken up?",
            ),
            "town": (
                "Which town elected {name}?", "Where did the election that {name} won take place?",
                "The voters of which town chose {name}?", "In which town did {name} win office?",
                "What town does {name} now serve?",
            ),
            "votes": (
                "How many votes did {name} get?", "How many people voted for {name}?",
                "With what number of votes did {name} win?", "How many votes were cast for {name}?",
                "How many ballot papers were marked for {name}?",
            ),
            "rival": (
                "Whom did {name} defeat?", "Who stood against {name}?", "Who lost the election to {name}?",
                "Who was the opponent of {name} at the polls?", "Which candidate came second to {name}?",
            ),
            "predecessor": (
                "Who held the office before {name}?", "Whom did {name} succeed?",
                "From whom did {name} take over?",
                "Which predecessor made way for {name}?", "Whose place in office has {name} taken?",
            ),
            "pledge": (
                "What did {name} promise the voters?", "Which pledge did {name} make in the campaign?",
                "What are people to expect from {name} after the election?",
                "What was {name}'s election promise?",
                "On what promise did {name} campaign?",
            ),
            "turnout": (
                "What was the turnout when {name} was elected?",
                "How high was the turnout in the vote that {name} won?",
                "What share of the electorate voted in the contest won by {name}?",
                "What turnout was recorded in {name}'s election?",
                "What proportion of voters took part when {name} won?",
            ),
            "trade": (
                "What was {name}'s trade before the election?",
                "What did {name} work as before entering politics?",
                "How did {name} earn money before winning office?", "What is {name} by trade?",
                "From which occupation did {name} come into politics?",
            ),
            "sworn": (
                "On what date was {name} sworn in?", "On which day did {name} take the oath?",
                "When did {name} take up office?", "What was the date of {name}'s swearing-in?",
                "Which day and month marked the start of {name}'s term?",
            ),
        },
        aliases=("the winner", "the victor", "the successful candidate"),
        titles=(
            "{name} elected", "{town} votes", "Victory for {name}", "{name} beats {rival}",
            "Election results",
            "The {trade} who won", "{predecessor} steps down", "New {post}: {name}",
        ),
    ),
    Kind(
        name="storm",
        genre="weather report",
        subject=firm("Storm {}", "Cyclone {}", "Tempest {}"),
        fields={
            "gust": number(96, 241, "{} km/h"),
            "rain": decimal(3, 41, "{:.1f} cm"),
            "landfall": town(),
            "date": date(),
            "homes": rounded(1200, 94000, 100),
            "fallen": choice(*FALLEN),
            "refuge": choice(*REFUGES),
            "forecaster": person(),
            "stray": STRAYS,
        },
        openings=(
            "{name} came ashore near {landfall} on {date}.",
            "WARNING LIFTED. {name}: peak gust {gust}. Roads reopening.",
            "Well, that was {name}, and I for one have lost a greenhouse.",
            "Gusts of {gust} were measured as {name} made landfall at {landfall}.",
            "{name} had been predicted by {forecaster} when the sky was still perfectly clear.",
            "This office presents its provisional summary of {name}.",
            "In the wake of {name} some {homes} households are without electricity.",
            "{forecaster} saw {name} coming, and {homes} homes lost their power all the same.",
        ),
        statements=(
            "At its fiercest the wind reached {gust}, after which the instrument blew away.",
            "The coast was crossed at {landfall}.",
            "Among the casualties was {fallen}, which had stood since anyone could remember and took four "
            "seconds "
            "to come down.",
            "Rainfall, {rain}; top wind speed, {gust}.",
            "Families who had to leave their houses spent those hours in {refuge}, on borrowed blankets.",
            "When the water fell, a {stray} was discovered on the roof of a chemist's shop, unhurt and "
            "annoyed.",
            "The outlook had been right for once, and the credit goes to {forecaster}.",
            "It struck on {date} and brought down {fallen}.",
            "The gauge at the weather station collected {rain}, or about what falls in an ordinary season.",
            "Power lines went first: {homes} homes were dark within the hour, and the engineers had no "
            "spare cable.",
            "The worst of it came on {date}, by which time the fishing fleet was already in.",
            "The landing place was {landfall}; evacuees were put up in {refuge}.",
            "\"Everyone laughed at me,\" recalled {forecaster}, who had chalked the warning on the harbour "
            "wall.",
            "Not the lighthouse, as reported abroad, but {fallen} was what the wind knocked over.",
            "A {stray}, swept from home, floated past the bank and was hauled in by clerks.",
            "Blackout: {homes} homes. Oddest survivor: a {stray}.",
            "People at {landfall}, where it first touched land, speak of a noise like a goods train.",
            "Rain amounted to {rain}, most of it, so it seemed, through my kitchen ceiling.",
            "Since the schools were flooded, it was {refuge} that took in the homeless.",
            "{forecaster} had given two days' notice and had even named {refuge} as a shelter.",
            "For the record, the anemometer's highest reading was {gust}, and nothing on our books comes "
            "close.",
            "Street after street lay without current, {homes} homes altogether, and neighbours cooked on "
            "the pavement.",
            "Little {landfall}, which had only just repaired its sea wall after the last one, bore the "
            "brunt of it.",
            "No less than {rain} of rain fell, and {fallen} toppled.",
            "The insurance clerks have ruled that {date} shall count as the day of loss.",
            "A pie shop stayed open throughout, and its owner is now a local hero.",
            "It was {forecaster}, alone among the experts, who read the falling pressure correctly and "
            "telephoned "
            "the coastguard.",
            "The vicar led a {stray} to safety while the wind rose to {gust}.",
            "Trees, sheds, a hat: there was no end to what flew by.",
            "Pictures show {fallen} lying across the road, with a policeman guarding it from souvenir "
            "hunters.",
            "Before long {refuge} had filled up with the bedraggled, and a piano was found for the children.",
            "It reached land on {date}, at {landfall}, with the tide at its highest.",
        ),
        questions={
            "gust": (
                "How fast were the strongest winds of {name}?", "What top wind speed did {name} reach?",
                "What was the peak gust of {name}?", "How strong was the wind of {name} at its height?",
                "What speed did the gusts of {name} attain?",
            ),
            "rain": (
                "How much rain did {name} bring?", "What rainfall was measured during {name}?",
                "How many centimetres of rain fell in {name}?", "What amount of rain came down with {name}?",
                "What did the rain gauge show for {name}?",
            ),
            "landfall": (
                "Where did {name} come ashore?", "At which town did {name} make landfall?",
                "Near what town did {name} reach the coast?", "Which town lay where {name} hit the coast?",
                "What place did {name} strike first on land?",
            ),
            "date": (
                "On what date did {name} strike?", "On which day did {name} arrive?",
                "When did {name} hit the coast?",
                "What was the date of {name}?", "Which day of the year brought {name}?",
            ),
            "homes": (
                "How many homes lost power in {name}?",
                "How many households did {name} leave without electricity?",
                "How many homes were blacked out by {name}?",
                "How many homes were cut off from the supply by {name}?",
                "What number of homes went dark because of {name}?",
            ),
            "fallen": (
                "What did {name} knock down?", "What was toppled by {name}?",
                "What collapsed in the winds of {name}?",
                "What did {name} blow over?",
                "What came crashing down during {name}?",
            ),
            "refuge": (
                "Where were people sheltered during {name}?", "Where did evacuees stay when {name} struck?",
                "What place took in those driven out by {name}?",
                "Where did families find shelter from {name}?",
                "What served as a refuge during {name}?",
            ),
            "forecaster": (
                "Who predicted {name}?", "Who gave early warning of {name}?",
                "Whose forecast of {name} proved right?",
                "Who foresaw {name}?", "By whom had {name} been forecast?",
            ),
            "stray": (
                "Which animal survived {name}?", "What animal was rescued after {name}?",
                "Which creature was carried off and saved in {name}?",
                "What animal came through {name} unharmed?",
                "Of what animal's escape from {name} do we read?",
            ),
        },
        aliases=("the storm", "the gale", "the weather"),
        titles=(
            "{name} passes", "{name}: {homes} homes dark", "Counting the cost of {name}", "{name} batters {landfall}",
            "The day of the {gust} wind", "Weather summary", "What {name} did",
            "Warning of {forecaster} comes true",
        ),
    ),
    Kind(
        name="lawsuit",
        genre="court report",
        subject=firm("the {} case", "the {} lawsuit", "the {} action", "the {} dispute"),
        fields={
            "claimant": person(),
            "judge": person(),
            "court": town(),
            "grievance": choice(*GRIEVANCES),
            "damages": rounded(400, 88000, 50, "£{:,}"),
            "expert": choice(*EXPERTS),
            "exhibit": choice(*EXHIBITS),
            "ruling": date(),
            "days": choice(*COUNTS),
        },
        openings=(
            "Judgment was given on {ruling} in {name}.",
            "All about {grievance}: so one might sum up {name}.",
            "COURT LIST. {name}. Before {judge}. For the claimant.",
            "In {name}, heard at {court}, the claimant {claimant} has won.",
            "The public benches were full for the close of {name}, and somebody had brought sandwiches.",
            "{claimant}, who had sued, left the building smiling, and with that {name} came to an end.",
            "The law reports of this year will have to find room for {name}, heard in {court}.",
            "Judge {judge} awarded {damages} in {name}.",
        ),
        statements=(
            "The action was brought by {claimant}, who had refused to settle for an apology and a hamper.",
            "At the heart of the dispute lay {grievance}.",
            "On the bench sat {judge}, known for brief judgments and long lunches.",
            "Claimant: {claimant}. Complaint: {grievance}.",
            "The court sat at {court}.",
            "Damages of {damages} were ordered, to be paid within the month, with costs.",
            "Much hung on the testimony of a {expert}, who was on the stand for a whole morning and asked "
            "twice "
            "for water.",
            "A {expert} was called, and {exhibit} was passed round the jury.",
            "On the table before the jury lay {exhibit}, labelled and sealed.",
            "It took {days} days of argument, and the shorthand writer filled as many notebooks.",
            "The decision was handed down on {ruling}, and the losing side has until the spring quarter to "
            "appeal.",
            "After {days} days of hearings, the ruling came on {ruling}.",
            "\"This was never about money,\" declared the claimant, {claimant}, wrapping up against the "
            "wind on the steps.",
            "Counsel for the company spoke of \"a storm in a thimble\"; what he meant was {grievance}.",
            "From the bench {judge}, interrupting, wished to know whether anybody had thought of simply "
            "saying sorry.",
            "Sitting in {court}, {judge} heard both sides.",
            "It had been expected that the trial would be moved to the capital, but it stayed in {court}, "
            "where the "
            "heating does not work.",
            "The jury was out for barely an hour before it fixed on {damages}.",
            "The testimony that counted came from the {expert} and not, as the lawyers had planned, from "
            "the accountant.",
            "The sum of {damages} was awarded to {claimant}.",
            "Usher drops {exhibit}; laughter; order restored.",
            "Out of a paper bag came {exhibit}, which was examined and, on the second day, mislaid.",
            "Why a quarrel over {grievance} should have needed {days} days in open court, no one present "
            "could say.",
            "For {grievance}, the sum of {damages} was thought just.",
            "For the defence there appeared a tired young man with a cold.",
            "Summing up, {judge} reminded the jury that sympathy is not evidence.",
            "Since {ruling}, when it was decided, {alias} has been quoted in three others.",
            "For {days} days the judge, {judge}, listened without a word.",
            "Instructed by the court, a {expert} had spent a week taking measurements and drew the opposite "
            "conclusion.",
            "Reporters travelled to {court} by the slow train.",
            "Not the full claim but {damages} is what {claimant} receives, and the lawyers will have their "
            "share of it.",
            "It was in {court} that {exhibit} was shown to a {expert} under oath.",
        ),
        questions={
            "claimant": (
                "Who brought {name}?", "Who was the claimant in {name}?", "Who sued in {name}?",
                "Who was the plaintiff in {name}?", "By whom was {name} begun?",
            ),
            "judge": (
                "Who was the judge in {name}?", "Who tried {name}?",
                "Before which judge was {name} heard?",
                "Which judge tried {name}?", "Who sat on the bench in {name}?",
            ),
            "court": (
                "In which town was {name} heard?", "Where was {name} tried?",
                "Which town was the venue of {name}?",
                "In what town did the court in {name} sit?", "Where did the hearings of {name} take place?",
            ),
            "grievance": (
                "What was at issue in {name}?", "What was the complaint in {name}?", "Over what was {name} fought?",
                "What gave rise to {name}?", "What lay at the root of {name}?",
            ),
            "damages": (
                "How much was awarded in {name}?", "What damages were granted in {name}?",
                "What sum did the winning side receive in {name}?", "How high were the damages in {name}?",
                "What was the loser of {name} ordered to pay?",
            ),
            "expert": (
                "What kind of expert testified in {name}?",
                "What was the profession of the expert witness in {name}?",
                "Which specialist gave evidence in {name}?", "What sort of specialist was heard in {name}?",
                "An expert of which profession took the stand in {name}?",
            ),
            "exhibit": (
                "What object was shown to the court in {name}?", "What was the exhibit in {name}?",
                "What item was put in evidence in {name}?", "Which object served as evidence in {name}?",
                "What thing was laid before the jury in {name}?",
            ),
            "ruling": (
                "On what date was {name} decided?", "On which day did the court rule in {name}?",
                "When was judgment given in {name}?", "What was the date of the verdict in {name}?",
                "Which day and month brought the decision in {name}?",
            ),
            "days": (
                "How many days did the hearings in {name} last?",
                "How many days did {name} occupy the court?",
                "For how many days was {name} argued?", "How many days did {name} take?",
                "How many days of hearings were needed for {name}?",
            ),
        },
        aliases=("the case", "the quarrel", "the matter"),
        titles=(
            "{name} decided", "In court: {name}", "{claimant} wins", "Judgment in {name}",
            "The affair of {exhibit}",
            "{court} court report", "A matter of {damages}", "Verdict: {ruling}",
        ),
    ),
)  # fmt: skip
