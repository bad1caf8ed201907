"""Places: villages, bridges, islands, museums, mines and mountain huts."""

from regrad_jax.data.almanac.kinds import (
    Kind,
    choice,
    coined,
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

INDUSTRIES = (
    "basket weaving", "clog making", "salt boiling", "eel fishing", "brush making", "hop growing",
    "bell founding",
    "rope spinning", "flax growing", "sheep dipping", "barrel making", "pencil making", "cider pressing",
    "button carving", "peat cutting", "glove stitching", "mustard milling", "watercress growing",
    "candle dipping",
    "saddle making", "organ building", "lace making", "brick firing", "cheese making", "charcoal burning",
)  # fmt: skip
FOUNDERS = pair(
    ("exiled", "shipwrecked", "runaway", "retired", "homesick", "bankrupt", "banished", "wandering",
    "disgraced"),
    ("salt traders", "soldiers", "weavers", "monks", "tinkers", "musicians", "shepherds",
    "tax collectors", "millers"),
)  # fmt: skip
DISHES = pair(
    ("smoked", "pickled", "stuffed", "baked", "salted", "peppered", "honeyed", "jellied", "curried",
    "buttered"),
    ("eel", "trout", "goose", "cabbage", "turnip", "rabbit", "perch", "goat", "mutton", "beetroot", "celery"),
)  # fmt: skip
MATERIALS = (
    "wrought iron", "cast iron", "oak timber", "reinforced concrete", "yellow brick", "grey granite",
    "red sandstone",
    "tarred larch", "weathering steel", "white limestone", "galvanised steel", "black basalt",
    "laminated pine",
    "blue brick", "riveted steel", "prestressed concrete", "pink marble", "glued spruce", "aluminium",
    "carbon fibre",
    "Welsh slate", "recycled plastic", "teak", "bamboo",
)  # fmt: skip
BRIDGE_CLOSURES = (
    "a cracked bearing", "a runaway barge", "an ice jam", "a swarm of bees", "a lorry fire",
    "a burst water main",
    "rusted bolts", "a sunken pier", "a gas leak", "a lightning strike", "frost damage", "a stolen cable",
    "an earth tremor", "a derailed tram", "rotten planks", "a landslip", "a nest of peregrines", "woodworm",
    "a snapped hanger", "a legal dispute", "a collapsed parapet", "an unexploded shell",
)  # fmt: skip
PAINTS = pair(
    ("pale", "dark", "bright", "dull", "muted", "smoky", "soft", "glossy"),
    ("green", "blue", "red", "yellow", "grey", "purple", "orange", "brown", "pink"),
)  # fmt: skip
ISLAND_ANIMALS = (
    "dwarf goats", "black swans", "wild donkeys", "grey seals", "fruit bats", "blue crabs", "tree frogs",
    "red deer",
    "puffins", "giant snails", "storks", "wall lizards", "sea otters", "flightless ducks", "shaggy ponies",
    "white hares", "fireflies", "water voles", "terrapins", "peacocks", "feral sheep", "hedgehogs",
    "cormorants",
)  # fmt: skip
ISLAND_GOODS = (
    "seaweed soap", "juniper gin", "thyme honey", "knitted caps", "fig jam", "driftwood spoons",
    "smoked salt",
    "goat's cheese", "shell buttons", "rose vinegar", "lavender oil", "clay whistles", "quince brandy",
    "felt slippers",
    "dried samphire", "olive paste", "wool blankets", "almond biscuits", "blue pottery", "beeswax candles",
    "pickled capers", "horn combs", "elderflower wine", "straw hats",
)  # fmt: skip
GHOSTS = pair(
    ("headless", "drowned", "weeping", "barefoot", "laughing", "one-armed", "whistling", "blind", "jilted"),
    ("fiddler", "bishop", "customs officer", "nun", "cook", "piper", "bride", "cabin boy", "astronomer",
    "milkmaid"),
)  # fmt: skip
MUSEUM_TREASURES = pair(
    ("silver", "amber", "ivory", "bronze", "jade", "walnut", "porcelain", "gilded", "leather", "crystal",
    "copper"),
    ("snuffbox", "chess set", "globe", "flute", "mask", "compass", "sundial", "birdcage", "saddle",
    "clock", "crown"),
)  # fmt: skip
FORMER_USES = (
    "tannery", "fish market", "tram depot", "girls' school", "brewery", "prison", "fire station",
    "hat factory",
    "riding school", "grain store", "telephone exchange", "convent", "swimming bath", "bank",
    "sugar refinery",
    "cinema", "customs house", "hospital", "pumping station", "bakery", "railway station", "ropewalk",
    "dairy",
    "court house",
)  # fmt: skip
WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MINERALS = (
    "lead", "tin", "copper", "zinc", "silver", "rock salt", "slate", "graphite", "gypsum", "alum",
    "fluorspar", "coal",
    "barytes", "iron ore", "manganese", "talc", "cobalt", "nickel", "antimony", "potash", "mercury",
    "tungsten",
    "china clay", "arsenic", "ochre",
)  # fmt: skip
MINE_ENDINGS = (
    "flooding", "a firedamp explosion", "falling prices", "a three-year strike", "a roof fall",
    "an embezzlement",
    "a lost lawsuit", "the loss of the railway", "a shortage of timber", "foreign competition",
    "a smallpox outbreak",
    "poisoned wells", "the failing of the seam", "a boiler explosion", "a wage dispute", "a quicksand",
    "cheap imports",
    "a winding-rope failure", "the outbreak of war", "a new tax", "a family quarrel", "a burst dam",
)  # fmt: skip
HAZARDS = (
    "loose shale", "falling ice", "hidden crevasses", "sudden fog", "an aggressive ram", "rotten footbridges",
    "wet limestone", "afternoon thunderstorms", "late snowfields", "stinging nettles", "a deep bog",
    "rockfall",
    "adders", "quick-rising streams", "guard dogs", "broken chains", "fallen pines", "gusts on the ridge",
    "ticks", "old mine shafts", "grazing bulls", "slippery roots",
)  # fmt: skip
WAYMARKS = pair(
    ("red", "yellow", "white", "blue", "orange", "green", "black", "violet"),
    ("triangle", "diamond", "circle", "arrow", "cross", "horseshoe", "star", "square", "crescent"),
)  # fmt: skip
HUT_DISHES = (
    "barley soup", "plum dumplings", "lentil stew", "buckwheat pancakes", "potato gratin", "nettle soup",
    "apple strudel",
    "cheese fondue", "bean goulash", "rhubarb crumble", "venison ragout", "pea soup", "spinach noodles",
    "onion tart",
    "mushroom risotto", "poppy-seed cake", "leek pie", "chestnut puree", "semolina pudding", "beetroot broth",
    "bilberry cake", "sausage casserole", "pumpkin curry", "bread pudding",
)  # fmt: skip

VILLAGE = Kind(
    name="village",
    genre="gazetteer",
    subject=town(),
    aliases=("the village", "the place", "the settlement"),
    fields={
        "population": number(84, 3900),
        "river": coined("the River {}"),
        "industry": choice(*INDUSTRIES),
        "fair": date(),
        "mayor": person(),
        "founders": FOUNDERS,
        "charter": year(1104, 1688),
        "station": town(),
        "dish": DISHES,
    },
    openings=(
        "{name}: village on {river}, {population} inhabitants.",
        "Few travellers leave the main road for {name}, a village that has lived by {industry} since anyone can say.",
        "According to tradition {name} was settled by {founders}.",
        "{name} (village; charter {charter}) lies on {river}.",
        "On the left bank of {river}, half hidden by poplars, stands {name}.",
        "A charter of {charter} is the first paper to mention {name}.",
        "{name} is a scattered village of whitewashed houses, reached by rail through {station}.",
        "Chief trade of {name}: {industry}. Mayor: {mayor}.",
    ),
    statements=(
        "The last census found {population} people here, summer lodgers not counted.",
        "{river} runs behind the gardens and, in a wet spring, through them.",
        "Most households have at least one member engaged in {industry}.",
        "Population {population}; annual fair {fair}; nearest station {station}.",

        "Every year on {fair} the fair fills both streets with carts, fiddlers and geese.",
        "The present mayor, {mayor}, won office on the toss of a coin.",
        "Its first inhabitants were {founders}, who had been refused shelter everywhere else along the valley.",
        "Tradition credits {founders} with its foundation, and the inn still serves {dish} in their memory.",

        "{alias} received its charter in {charter}, though a forged copy in the church claims an earlier date.",
        "There is no railway; passengers alight at {station} and walk the rest.",
        "Visitors are expected to try the {dish}, and to ask for more.",
        "Charter granted {charter}; situated on {river}; mayor {mayor}.",

        "\"We are {population} souls and no constable,\" says {mayor}, who has been mayor for two terms.",
        "Though the guidebooks speak of gold panning, it is {industry} that pays the rents.",
        "Anyone coming by train should get down not at the junction but at {station}.",
        "Its trade is {industry}, and the fair, held on {fair}, is largely given over to it.",

        "The green is large, the duck pond small, and the clock has stopped.",
        "Local cooks guard their recipe for {dish}, the one thing for which {name} is known beyond the county.",
        "In {charter}, for a payment of forty sheep, {alias} obtained the right to hold a court and, on {fair}, a fair.",
        "Served by {station} station, some way off; inhabitants {population}; seat of Mayor {mayor}.",

        "A mill, two bridges and a washing place stand on {river}, which gave {alias} its coat of arms.",
        "Historians doubt the old tale of a Roman camp; the founders, they agree, were {founders}.",
        "Travellers from {station} are met by a cart whose driver, as a rule, is the mayor, {mayor}.",
        "Without {river} the local trade, {industry}, could hardly have taken root here.",

        "Ask at the inn for {dish}. It is not on the slate but it is always in the oven.",
        "With {population} residents, a charter dating from {charter} and no street lamp, {alias} changes slowly.",
        "A shop, a chapel and a forge face one another across the only paved street.",
        "Dish of the district: {dish}. First settlers: {founders}. Charter: {charter}.",

        "{fair} is the great day: shops shut, the fair opens, and debts are settled in public.",
        "Of the trades once practised here only {industry} survives.",
    ),
    questions={
        "population": (
            "How many people live in {name}?", "What is the population of {name}?",
            "How many inhabitants does {name} have?", "How big is {name}, counted in residents?",
            "{name} is home to how many people?", "What figure is given for the number of people in {name}?",
        ),
        "river": (
            "On which river does {name} lie?", "What river flows by {name}?", "Which river passes {name}?",
            "What is the name of the river at {name}?", "Which stretch of water does {name} stand beside?",
            "Name the river on whose bank one finds {name}.",
        ),
        "industry": (
            "What is the main trade of {name}?", "What do people in {name} live by?",
            "Which craft or industry supports {name}?", "From what work does {name} earn its living?",
            "What occupation is typical of {name}?", "Which trade keeps the households of {name} going?",
        ),
        "fair": (
            "On what date is the fair held in {name}?", "When does {name} hold its fair?",
            "Which day of the year is fair day in {name}?", "What is the date of the annual fair at {name}?",
            "If I want to see the fair in {name}, on which day should I come?", "{name} has its fair when?",
        ),
        "mayor": (
            "Who is the mayor of {name}?", "What is the name of {name}'s mayor?",
            "Who holds the office of mayor in {name}?",
            "Which person heads the local government of {name}?", "By whom is {name} governed as mayor?",
            "Whom did the voters of {name} make mayor?",
        ),
        "founders": (
            "Who founded {name}?", "By whom is {name} said to have been settled?",
            "Who were the first settlers of {name}?",
            "To which group of people does {name} owe its foundation?", "What sort of people started {name}?",
            "Who first lived in {name}?",
        ),
        "charter": (
            "In which year did {name} receive its charter?", "When was {name} granted a charter?",
            "What year does the charter of {name} date from?",
            "How old is {name}'s charter, that is, from which year?",
            "What is the year of {name}'s charter?", "{name} got its charter in what year?",
        ),
        "station": (
            "Which railway station serves {name}?", "Where do train passengers for {name} get off?",
            "At which station should one alight for {name}?", "What is the nearest station to {name}?",
            "To reach {name} by rail, where does one leave the train?", "Where is the station for {name}?",
        ),
        "dish": (
            "What dish is {name} known for?", "Which food should a visitor eat in {name}?",
            "What is the local dish of {name}?", "What speciality comes out of the kitchens of {name}?",
            "What might one order at the inn in {name}?", "Which dish belongs to {name}?",
        ),
    },
    titles=("{name}", "Gazetteer: {name}", "{name} (village)", "Entry: {name}", "{name} and its parish", "On {name}"),
)  # fmt: skip

BRIDGE = Kind(
    name="bridge",
    genre="engineering note",
    subject=of_town("the {} Bridge", "the {} Viaduct", "the {} Swing Bridge", "the {} Road Bridge", "the {} Toll Bridge"),
    aliases=("the bridge", "the crossing", "the structure"),
    fields={
        "length": number(42, 1890, "{:,} m"),
        "engineer": person(),
        "material": choice(*MATERIALS),
        "opened": year(1788, 2016),
        "cost": rounded(12000, 990000, 500, "{:,} crowns"),
        "contractor": firm("{} & Sons", "{} Engineering", "{} Ironworks", "{} Brothers"),
        "closure": choice(*BRIDGE_CLOSURES),
        "paint": PAINTS,
        "load": number(3, 64, "{} tonnes"),
    },
    openings=(
        "{name}, {length} from end to end, was designed by {engineer}.",
        "This note describes {name}, which was opened in {opened}.",
        "For a structure made mostly of {material}, {name} has aged well.",
        "Structure: {name}. Designer: {engineer}.",
        "When {contractor} won the contract for {name}, nobody in the firm had built anything longer than a jetty.",
        "{name} is inspected twice a year, once from above and once from a boat.",
        "At a cost of {cost}, {name} was at first thought extravagant.",
        "{name} was built by {contractor}; the total length is {length}.",
    ),
    statements=(
        "The overall length, measured between abutment faces, is {length}.",
        "{engineer} drew up the design in a single winter, working by lamplight in a rented room.",
        "Its main members are of {material}, brought to the site by barge.",
        "Design by {engineer}; execution by {contractor}; main material {material}.",

        "Traffic first passed over it in {opened}.",
        "The bill came to {cost}, of which a third was spent below the water line.",
        "Construction was entrusted to {contractor}, whose tender was the lowest but one.",
        "Opened: {opened}. Cost: {cost}. Length: {length}.",

        "{alias} had to be shut for some weeks because of {closure}.",
        "The railings, once white, have been {paint} since the last repainting.",
        "No vehicle heavier than {load} may cross.",
        "It carries at most {load} and is painted {paint}.",

        "{closure} led to its only long closure, during which a rowing boat did the work.",
        "\"I wanted it to look as if it were leaving,\" wrote the designer, {engineer}, in a letter to the council.",
        "Handrails and lamp posts are painted {paint}, a shade picked by the schoolchildren of the east bank.",
        "Closed once on account of {closure}, it was reopened with a limit of {load}.",

        "Completed for {cost} and opened in {opened}, {alias} paid for itself in tolls within a generation.",
        "It was not the famous national works that put it up, as a plaque claims, but {contractor}.",
        "A sign at either end gives the permitted weight, {load}; it is widely ignored by farmers.",
        "{contractor} finished the work in {opened}, {engineer} having supplied the drawings.",

        "Engineers from abroad come to see how {material}, rarely used for such loads, behaves in frost.",
        "Walkers cross its {length} slowly, and more slowly still when the wind is up.",
        "Both abutments rest on piles driven through soft mud to the gravel below.",
        "Total cost {cost}; closed once, on account of {closure}; paintwork {paint}.",

        "The council weighed up eleven materials and settled on {material} for its price.",
        "Since {opened}, the year of its opening, the deck has been renewed twice.",
        "Owing to {closure}, the authorities closed the deck and diverted all carts and cars by the lower road.",
        "Built of {material}, {length} long, and limited to vehicles of {load}.",

        "Of all the works of {engineer} this is the only one still in use.",
        "Subscribers raised {cost}, and not one crown was left over for a ceremony.",
        "The finish, {paint}, was chosen because it hides the soot.",
    ),
    questions={
        "length": (
            "How long is {name}?", "What is the length of {name}?",
            "What does {name} measure from end to end?",
            "Over what distance does {name} extend?", "Give the total length of {name}.",
            "How far is it across {name}?",
        ),
        "engineer": (
            "Who designed {name}?", "Which engineer drew the plans of {name}?",
            "By whom was {name} designed?",
            "From whose drawings was {name} built?", "Who was the designer of {name}?",
            "{name} is the work of which engineer?",
        ),
        "material": (
            "What is {name} made of?", "Which material was used for {name}?", "Of what is {name} built?",
            "What was the main building material of {name}?", "From what was {name} constructed?",
            "Which material carries the loads of {name}?",
        ),
        "opened": (
            "When did {name} open?", "In which year was {name} opened?",
            "In what year could traffic first use {name}?",
            "What is the opening year of {name}?", "Since what year has {name} been in service?",
            "{name} was opened when?",
        ),
        "cost": (
            "How much did {name} cost?", "What was the price of building {name}?",
            "What sum was spent on {name}?",
            "For how much money was {name} built?", "What did {name} cost to put up?",
            "How large was the bill for {name}?",
        ),
        "contractor": (
            "Which firm built {name}?", "Who was the contractor for {name}?",
            "What company carried out the work on {name}?",
            "By which firm was {name} constructed?", "Name the builders of {name}.",
            "To which company did the job of building {name} go?",
        ),
        "closure": (
            "Why was {name} closed for a time?", "What caused the closure of {name}?",
            "What led to {name} being shut?",
            "For what reason did {name} have to close?", "What put {name} out of use for a while?",
            "On account of what was traffic kept off {name}?",
        ),
        "paint": (
            "What colour is {name} painted?", "Which colour was chosen for the paintwork of {name}?",
            "What is the colour of the railings on {name}?", "In what colour is {name} painted?",
            "What shade do the painters use on {name}?", "Which shade of paint does {name} wear?",
        ),
        "load": (
            "What is the weight limit on {name}?", "How heavy may a vehicle on {name} be?",
            "What is the greatest weight allowed on {name}?", "What load can {name} carry at most?",
            "Up to what weight may vehicles use {name}?", "What maximum weight is permitted on {name}?",
        ),
    },
    titles=(
        "{name}", "Notes on {name}", "{name}: an engineering note", "Record sheet: {name}", "How {name} was built",
        "{name}, past and present",
    ),
)  # fmt: skip

ISLAND = Kind(
    name="island",
    genre="travel guide",
    subject=of_town("the Isle of {}", "{} Island", "the island of {}", "the Holm of {}"),
    aliases=("the island", "this little island", "the isle"),
    fields={
        "area": decimal(1.2, 96.0, "{:.1f} sq km"),
        "animal": choice(*ISLAND_ANIMALS),
        "port": town(),
        "crossing": number(12, 195, "{} minutes"),
        "innkeeper": person(),
        "summit": number(24, 940, "{} m"),
        "product": choice(*ISLAND_GOODS),
        "season": pair(
            ("early", "mid", "late"),
            ("January", "February", "March", "April", "May", "June", "July", "September", "October", "November"),
            " ",
        ),
        "ghost": GHOSTS,
    },
    openings=(
        "Nobody comes to {name} by accident: the boat leaves from {port} and takes {crossing}.",
        "You will smell {name}, all thyme and tar, before you see it.",
        "With an area of {area}, {name} can be walked round between breakfast and supper.",
        "{name}, {area} of rock and heather, is best seen in {season}.",
        "Come to {name} for the {animal}, stay for the silence.",
        "Ferries to {name} sail from {port}, weather permitting.",
        "If you have time for only one island, make it {name}, and make it in {season}.",
        "{name} is famous for its {animal}; boats go from {port}.",
    ),
    statements=(
        "Its whole area is {area}, most of it too steep for anything but sheep.",
        "You can hardly take a step without meeting {animal}, which have no fear of people.",
        "The ferry departs from {port}, at the far end of the fish quay.",
        "Getting there: ferry from {port}, {crossing}. When to go: {season}.",

        "Allow {crossing} for the crossing, and take a pill if you are a poor sailor.",
        "There is one inn, and one innkeeper, {innkeeper}, who also sells stamps and cuts hair.",
        "The highest point, reached by a path through bracken, stands {summit} above the sea.",
        "Sleep at the inn of {innkeeper} and bring home {product}.",

        "Do not leave without buying {product}, made in sheds behind the harbour.",
        "{season} is the time to visit, when the gorse is out and the beds are cheap.",
        "After dark, they say, a {ghost} walks the shingle.",
        "Area {area}; highest hill {summit}; wildlife: {animal}.",

        "Islanders will tell you, with a straight face, about the {ghost} that haunts the ruined chapel.",
        "From the hilltop, {summit} up, you can count eleven lighthouses on a clear night.",
        "Rooms, such as they are, are let by {innkeeper}, innkeeper here since the old hotel burned down.",
        "The inn, kept by {innkeeper}, is said to be haunted by a {ghost}.",

        "The sea is cold, the beer is warm, and there is no cash machine.",
        "Most visitors crowd in during August, but those who know prefer {season}.",
        "Naturalists arrive each year to count the {animal}, and each year they lose count.",
        "Climb the hill ({summit}) in {season}, and you may meet the {ghost} of island legend.",

        "Don't go to the big harbour by mistake: the boat leaves from {port}, and after {crossing} you step ashore.",
        "{innkeeper} keeps the inn and will cook whatever you have caught.",
        "At the Saturday stall you will find {product}, the only thing {alias} exports.",
        "Sailing time from {port}: {crossing}. Souvenir: {product}.",

        "Covering just {area}, {alias} has nine beaches and one tree.",
        "Ask any fisherman about the {ghost} and he will change the subject.",
        "\"In {season} you have it all to yourself,\" the ferryman told me, \"apart from the {animal}.\"",
        "For its {area} it has an astonishing number of {animal}.",

        "A stiff climb leads to the summit, at {summit}, where someone has left a bench.",
        "The passage lasts {crossing}, in which time the crew will have learned your name and business.",
        "Shop windows are crammed with {product}, all of it made in the kitchens behind.",
    ),
    questions={
        "area": (
            "How large is {name}?", "What is the area of {name}?", "What area does {name} cover?",
            "How much land does {name} take up?", "How big is {name}, in square kilometres?",
            "What is the size of {name}?",
        ),
        "animal": (
            "Which animals is {name} known for?", "What creatures will a visitor meet on {name}?",
            "What animals live on {name} in great numbers?", "Which wildlife draws people to {name}?",
            "What kind of animal is plentiful on {name}?", "Which creatures make {name} famous?",
        ),
        "port": (
            "From where does the ferry to {name} leave?", "Which port has boats to {name}?",
            "Where do I catch the boat for {name}?", "In which town does one embark for {name}?",
            "What is the port of departure for {name}?", "Where should travellers board for {name}?",
        ),
        "crossing": (
            "How long does the crossing to {name} take?", "How many minutes is the ferry trip to {name}?",
            "What is the duration of the passage to {name}?", "How long is one at sea on the way to {name}?",
            "How much time does the boat need to reach {name}?",
            "How long must I sit on the ferry to {name}?",
        ),
        "innkeeper": (
            "Who keeps the inn on {name}?", "Who is the innkeeper of {name}?", "Who lets rooms on {name}?",
            "With whom can one stay the night on {name}?", "Who runs the place to sleep on {name}?",
            "What is the name of the person in charge of the inn on {name}?",
        ),
        "summit": (
            "How high is the highest point of {name}?", "What height does {name} reach?",
            "How tall is the hill on {name}?", "To what height does the ground rise on {name}?",
            "What is the elevation of the summit of {name}?", "How far above the sea is the top of {name}?",
        ),
        "product": (
            "What souvenir should one buy on {name}?", "What is made on {name}?",
            "What product does {name} sell?",
            "Which goods come from {name}?", "What might a visitor bring home from {name}?",
            "What do the people of {name} make for sale?",
        ),
        "season": (
            "When is the best time to visit {name}?", "What time of year suits a trip to {name} best?",
            "In which part of the year should one go to {name}?", "When ought a traveller to go to {name}?",
            "At what season is {name} at its best?", "Which weeks of the year are recommended for {name}?",
        ),
        "ghost": (
            "What ghost haunts {name}?", "Which apparition is said to walk on {name}?",
            "Who is the ghost of {name}?",
            "What spectre belongs to the legends of {name}?",
            "What haunting figure do they tell of on {name}?",
            "As what does the ghost of {name} appear?",
        ),
    },
    titles=(
        "{name}", "A day on {name}", "Getting to {name}", "A first look at {name}", "Off the map: {name}",
        "Going to {name}",
    ),
)  # fmt: skip

MUSEUM = Kind(
    name="museum",
    genre="visitor page",
    subject=of_surname(
        "the {} Museum", "the {} Collection", "the {} Library", "the {} Museum of Curiosities", "the {} Archive"
    ),
    aliases=("the house", "the institution", "our house"),
    fields={
        "town": town(),
        "curator": person(),
        "founded": year(1762, 1998),
        "admission": decimal(2.0, 24.0, "{:.2f} crowns"),
        "opens": pair(("8", "9", "10", "11"), ("05 am", "10 am", "15 am", "20 am", "25 am", "30 am", "40 am", "45 am"), ":"),
        "closed": pair(WEEK, ("mornings", "afternoons", "evenings")),
        "treasure": MUSEUM_TREASURES,
        "holdings": rounded(1200, 480000, 100),
        "building": choice(*FORMER_USES),
    },
    openings=(
        "Welcome to {name}, in the heart of {town}.",
        "{name} was founded in {founded} and has been short of shelves ever since.",
        "Thank you for planning a visit to {name}; the doors open at {opens}.",
        "{name}, {town}: what you need to know before you come.",
        "{name} occupies a former {building}, and on damp days you can still tell.",
        "Before you set out for {name}, please read this page to the end.",
        "With {holdings} objects, {name} is larger than it looks from the street.",
        "{name} in {town} opens at {opens}.",
    ),
    statements=(
        "You will find us in {town}, two minutes from the tram stop.",
        "Our curator, {curator}, gives a short talk every day after lunch.",
        "Adults pay {admission}; children and poets come in free.",
        "Tickets {admission}. Doors open at {opens}. Closed on {closed}.",

        "Doors open at {opens}, and the queue is shortest at that time.",
        "Please note that we are closed on {closed} for cleaning.",
        "Everybody wants to see the {treasure}, so we have put it at the very top of the stairs.",
        "Founded in {founded}, {alias} now holds {holdings} items, among them a {treasure}.",

        "The collection comprises {holdings} pieces, of which about one in ten is on show.",
        "The building began life as a {building}; the hooks in the ceiling date from that time.",
        "{alias} goes back to {founded}, when a widow left her cabinets to the citizens.",
        "Housed in what was once a {building} in {town}, {alias} is directed by {curator}.",

        "Large bags go in the lockers. Umbrellas, for reasons we would rather not discuss, do too.",
        "A ticket costs {admission} and is valid until you lose it.",
        "\"Start with the {treasure} and work downwards,\" advises {curator}, our curator.",
        "Curator: {curator}. Year of foundation: {founded}. Finest piece: the {treasure}.",

        "School parties are let in at {opens} through the side gate, together with everyone else.",
        "On {closed} nobody will answer the bell, however long you ring it.",
        "Not the capital, as many suppose, but {town} was chosen as our home.",
        "We are in {town}, closed on {closed}; admission is {admission}.",

        "In {founded} the founders had one room and a cat; the catalogue now lists {holdings} entries.",
        "Until the town bought it, the building was a {building}.",
        "Should the stairs be a difficulty, ask for {curator}, who is the curator here and has the key to the lift.",
        "The former {building} holds {holdings} catalogued objects and opens at {opens}.",

        "Our most precious possession, a {treasure}, was found in a barn under a heap of turnips.",
        "Anybody who has walked the length of our shelves has passed {holdings} objects; we have counted.",
        "The entrance fee, {admission}, goes towards mending the roof.",
        "{alias}, begun in {founded}, keeps a {treasure}, and shuts on {closed}.",

        "If it is {closed} you are thinking of, think again: we shall be shut.",
        "Take the {town} bus and get off when the driver shouts; opening time is {opens}.",
        "There used to be a {building} on these premises, and former staff still drop in to complain of the changes.",
    ),
    questions={
        "town": (
            "In which town is {name}?", "Where is {name} located?",
            "What town does one travel to for {name}?",
            "Which place is home to {name}?", "In what town would a visitor find {name}?",
            "Where can {name} be visited?",
        ),
        "curator": (
            "Who is the curator of {name}?", "Who is in charge of the collection at {name}?",
            "Who runs {name}?",
            "Which person looks after {name} as its curator?", "What is the curator of {name} called?",
            "Under whose direction is {name}?",
        ),
        "founded": (
            "When was {name} founded?", "In which year did {name} begin?",
            "What year saw the foundation of {name}?",
            "Which year marks the beginnings of {name}?", "How far back does {name} go, that is, to which year?",
            "From which year does {name} date?",
        ),
        "admission": (
            "How much is a ticket to {name}?", "What does admission to {name} cost?",
            "What is the entrance fee at {name}?",
            "How much must a visitor pay to enter {name}?", "What price is charged at the door of {name}?",
            "What will it cost an adult to see {name}?",
        ),
        "opens": (
            "At what time does {name} open?", "When do the doors of {name} open each day?",
            "From what time of day can one enter {name}?", "What is the opening time of {name}?",
            "What time should an early visitor come to {name}?",
            "At what hour does {name} let in the first visitors?",
        ),
        "closed": (
            "When is {name} closed?", "At which times of the week is {name} shut?",
            "When should one not go to {name}?",
            "During what part of the week does {name} stay closed?",
            "On which occasions each week are the doors of {name} shut?",
            "When in the week will nobody open at {name}?",
        ),
        "treasure": (
            "What is the most prized object in {name}?", "Which exhibit should one see first at {name}?",
            "What treasure does {name} own?", "Which object is the pride of {name}?",
            "What famous piece is kept in {name}?", "What do visitors to {name} most want to see?",
        ),
        "holdings": (
            "How many objects does {name} hold?", "How large is the collection of {name}?",
            "What is the number of items in {name}?", "How many pieces belong to {name}?",
            "How many entries would a full catalogue of {name} have?", "{name} owns how many things?",
        ),
        "building": (
            "What was the building of {name} before?", "What did the premises of {name} serve as formerly?",
            "In what kind of former building is {name}?", "What used to be where {name} is now?",
            "Which earlier use did the home of {name} have?", "What was {name}'s house originally?",
        ),
    },
    titles=(
        "{name}", "Visiting {name}", "Plan your visit to {name}", "{name}: visitor information", "Before you visit {name}",
        "Opening hours and tickets: {name}",
    ),
)  # fmt: skip

MINE = Kind(
    name="mine",
    genre="local history",
    subject=of_surname("the {} Mine", "the {} Pit", "the {} Level", "the {} Shaft", "the Great {} Mine"),
    aliases=("the mine", "the old mine", "the undertaking"),
    fields={
        "mineral": choice(*MINERALS),
        "owner": firm("{} & Company", "the {} Syndicate", "{} Estates", "the {} Trust", "{} Minerals"),
        "opened": year(1702, 1848),
        "closed": year(1861, 1968),
        "cause": choice(*MINE_ENDINGS),
        "depth": number(38, 640, "{} m"),
        "workers": number(24, 1450),
        "captain": person(),
        "port": town(),
        "pony": coined("{}"),
    },
    openings=(
        "Few traces are left of {name}, where {mineral} was dug from {opened}.",
        "My grandmother could hear the bell of {name} from her bed.",
        "{name} belonged to {owner}.",
        "{mineral} was the reason for {name}, opened in {opened}.",
        "Behind the chapel a fenced hollow marks {name}, abandoned in {closed}.",
        "The story of {name} begins in {opened}, with a farmer looking for a lost heifer.",
        "At its busiest {name} gave work to {workers} men and boys.",
        "Of {name}, property of {owner}, the parish papers say a good deal.",
    ),
    statements=(
        "What came out of the ground was {mineral}, of middling quality but plenty of it.",
        "{owner} owned it throughout and never once sent a director to look.",
        "The first shaft was sunk in {opened}.",
        "Worked for {mineral} by {owner}, with {workers} hands.",

        "The pumps stopped for good in {closed}, on a Friday, an hour before pay.",
        "What finished the enterprise was {cause}.",
        "The deepest level lay {depth} down, and it was said you could hear the sea there.",
        "Opened in {opened}, closed in {closed}; greatest depth {depth}.",

        "The wage book lists {workers} workers, some of them no older than nine.",
        "For most of that time the captain was {captain}, a strict Methodist with a weakness for skittles.",
        "Carts took everything that was raised to {port}, where ships lay waiting.",
        "Captain {captain} blamed the end on {cause}; others blamed the captain.",

        "The best-remembered of the pit ponies was {pony}, who could count the tubs and refused to pull one too many.",
        "People here like to say that gold was found, but it was only ever {mineral}.",
        "Disheartened by {cause}, the owners had the gates chained in {closed}.",
        "Its output went by cart to {port}, drawn for years by a pony called {pony}.",

        "Not a bank, as the memorial says, but {owner} owned the ground and everything under it.",
        "\"At the bottom, {depth} down, a candle burns blue,\" noted {captain}, captain at the time, in the margin of a plan.",
        "Twice a week a train of mules set off for {port} with full panniers and came back with flour.",
        "Bankrupted by {cause}, {owner} gave up in {closed}.",

        "When work began in {opened} the village had forty houses; with {workers} miners on the books it had four hundred.",
        "Under {captain}, who was captain for nineteen years, not a single man was lost.",
        "A brass collar in the school is all that remains of {pony}, the pony.",
        "Staff: {workers} workers under Captain {captain}. Product: {mineral}. Shipped from: {port}.",

        "The spoil heaps have grown over with birch, and children toboggan on them.",
        "Why did it end? The minutes speak, drily, of {cause}.",
        "Until {closed}, the year in which it shut, the whistle set every clock in the valley.",
        "Pony {pony} worked the bottom level at {depth} from the day the first tubs ran, or so they say.",

        "Ladders led to the lowest gallery, {depth} below the heather, and a descent took the better part of an hour.",
        "Old men still talk of {pony}, a pony so fond of peppermints that the overman kept a tin in his hat.",
        "From {port}, the shipping place, the produce of {owner} went all over the world.",
        "In {opened} a few pits were dug; later {workers} people worked there, for {owner}.",
    ),
    questions={
        "mineral": (
            "What was mined at {name}?", "Which mineral did {name} yield?",
            "What did the miners of {name} dig for?",
            "For what substance was {name} worked?", "What came out of the ground at {name}?",
            "What was brought up from {name}?",
        ),
        "owner": (
            "Who owned {name}?", "Which company held {name}?", "To whom did {name} belong?",
            "Whose property was {name}?", "In the hands of which owners was {name}?",
            "What was the proprietor of {name} called?",
        ),
        "opened": (
            "When was {name} opened?", "In which year did work at {name} begin?",
            "What was the first year of {name}?",
            "From what year was {name} worked?", "In what year was ground first broken at {name}?",
            "When did digging start at {name}?",
        ),
        "closed": (
            "When did {name} close?", "In which year was {name} shut down?",
            "What was the last year of {name}?",
            "In what year was {name} given up?", "When did work at {name} come to an end?",
            "Until which year was {name} in operation?",
        ),
        "cause": (
            "Why did {name} close?", "What brought about the end of {name}?",
            "What was the cause of {name}'s closure?",
            "On what is the end of {name} blamed?", "For what reason was {name} abandoned?",
            "What ruined {name}?",
        ),
        "depth": (
            "How deep was {name}?", "What depth did {name} reach?", "How far down did {name} go?",
            "At what depth was the lowest level of {name}?", "What was the greatest depth of {name}?",
            "How far below ground did men work in {name}?",
        ),
        "workers": (
            "How many people worked at {name}?", "How many workers did {name} employ?",
            "What was the workforce of {name}?",
            "How many hands were employed at {name}?", "To how many did {name} give work?",
            "What number of miners did {name} have?",
        ),
        "captain": (
            "Who was the captain of {name}?", "Who was in charge of the men at {name}?",
            "What was the captain of {name} called?",
            "Under which captain was {name} worked?", "Which captain ran {name}?",
            "Name the mine captain at {name}.",
        ),
        "port": (
            "Where was the output of {name} taken?", "To which place did {name} send what it raised?",
            "Which port shipped the output of {name}?",
            "From where was the produce of {name} shipped?",
            "What was the destination of the loads from {name}?",
            "At which town were the loads from {name} put on ships?",
        ),
        "pony": (
            "What was the pony at {name} called?", "What is the name of the pony of {name}?",
            "Which pony worked at {name}?",
            "What did they call the pony that pulled tubs or carts for {name}?",
            "Name the pony that served at {name}.",
        ),
    },
    titles=(
        "{name}", "Remembering {name}", "The rise and fall of {name}", "{name}: a local history", "What was {name}?",
        "Under the hill: {name}",
    ),
)  # fmt: skip

HUT = Kind(
    name="hut",
    genre="hiking guide",
    subject=of_surname("the {} Hut", "the {} Refuge", "the {} Shelter", "the {} Lodge", "the Upper {} Hut"),
    aliases=("the hut", "the house", "the refuge"),
    fields={
        "altitude": number(1120, 3290, "{:,} m"),
        "beds": number(8, 124),
        "warden": person(),
        "built": year(1868, 2004),
        "meal": choice(*HUT_DISHES),
        "walk": pair(("2 h", "3 h", "4 h", "5 h", "6 h", "7 h"), ("5 min", "10 min", "20 min", "25 min", "40 min", "50 min")),
        "start": town(),
        "hazard": choice(*HAZARDS),
        "waymark": WAYMARKS,
        "price": number(12, 88, "{} crowns"),
    },
    openings=(
        "{name} sits on a shelf of rock at {altitude}, facing west.",
        "Set out for {name} from {start}, before the sun reaches the car park.",
        "Long days end well at {name}, where {warden} is warden.",
        "{name} (altitude {altitude}; {beds} beds).",
        "There are prettier huts than {name}, but none with such a stove.",
        "Built in {built}, {name} has been twice unroofed by storms.",
        "The usual way to {name} begins behind the church in {start}.",
        "{name}: built {built}, reached from {start}.",
    ),
    statements=(
        "Altitude {altitude}: expect frost on the washing line even in August.",
        "There are {beds} beds, and at weekends rather more sleepers than that.",
        "The warden, {warden}, will wake you if the weather turns.",
        "Start: {start}. Walking time: {walk}. Waymark: {waymark}.",

        "The walls went up in {built}, every stone carried by mule.",
        "Order the {meal}; on a good evening there will be seconds.",
        "Reckon on {walk} of steady walking, pauses not included.",
        "Its warden is {warden}; one eats {meal} and sleeps in one of {beds} beds.",

        "The path leaves {start} by the sawmill and climbs at once.",
        "Take care: {hazard} can make the upper section dangerous.",
        "Follow the {waymark} painted on rocks and trunks.",
        "Beware of {hazard} on the way up from {start}.",

        "A night costs {price}, blankets included, snoring at no extra charge.",
        "At every fork look for the {waymark}, and ignore the older cairns, which lead to a precipice.",
        "More parties have turned back on account of {hazard} than for any other reason.",
        "A bed costs {price}. The hut dates from {built} and stands at {altitude}.",

        "The water in the trough is drinkable; the water in the fire bucket is not.",
        "\"Fill up on {meal} and you will not feel the wind,\" says {warden}, the warden here.",
        "Members and non-members alike pay {price} for a night, in cash.",
        "{beds} beds, {price} a night, and plenty of {meal} in the kitchen.",

        "Other guides send you up from the spa; the better approach is from {start}, and it takes {walk}.",
        "Perched at {altitude}, {alias} looks down on two valleys and up at one glacier.",
        "{alias}, which the alpine club finished in {built}, has {beds} beds, each with its own draught.",
        "The trail, marked by a {waymark}, takes {walk}, and the main danger is {hazard}.",

        "Since {built}, the year of its construction, nothing has been added but a lightning rod.",
        "Do not attempt the gully in the dark; people have been hurt there because of {hazard}.",
        "Boots off at the door; {warden}, warden for many seasons, has a broom and uses it.",
        "Warden {warden} took over the house, which was built in {built} at {altitude}.",

        "Somebody long ago chose a {waymark} as the sign for this route, and volunteers repaint it each spring.",
        "Fast walkers boast of less, but the signpost at the bottom gives {walk}, and the signpost is right.",
        "The menu is written on a slate and rarely says anything but {meal}.",
        "Take money ({price} for the night) and an appetite ({meal} for supper).",
    ),
    questions={
        "altitude": (
            "At what altitude is {name}?", "How high up is {name}?", "What is the elevation of {name}?",
            "At what height does {name} stand?", "How far above sea level is {name}?",
            "Which altitude is given for {name}?",
        ),
        "beds": (
            "How many beds does {name} have?", "How many people can sleep in beds at {name}?",
            "What is the number of beds at {name}?",
            "For how many sleepers does {name} have a bed?", "How many beds are there in {name}?",
            "{name} offers how many beds?",
        ),
        "warden": (
            "Who is the warden of {name}?", "Who looks after {name}?",
            "Which person greets the guests at {name} as warden?",
            "By whom is {name} kept?", "What is the name of {name}'s warden?", "Who is in charge at {name}?",
        ),
        "built": (
            "When was {name} built?", "In which year was {name} put up?", "From what year does {name} date?",
            "In what year was {name} constructed?", "What is the year of construction of {name}?",
            "Which year saw {name} finished?",
        ),
        "meal": (
            "What do they serve at {name}?", "What should one eat at {name}?",
            "Which dish is cooked at {name}?",
            "What will a hungry hiker get at {name}?", "What is on the menu at {name}?",
            "What meal is recommended at {name}?",
        ),
        "walk": (
            "How long is the walk to {name}?", "How much time does the climb to {name} take?",
            "What is the walking time to {name}?",
            "How long does one need on foot to {name}?", "How long will I be walking before I reach {name}?",
            "After what time on the trail does one arrive at {name}?",
        ),
        "start": (
            "Where does the path to {name} begin?", "From which place does one set out for {name}?",
            "What is the starting point for {name}?", "In which village does the route to {name} start?",
            "Where should hikers to {name} begin?", "Which town is the base for the climb to {name}?",
        ),
        "hazard": (
            "What danger threatens on the way to {name}?", "What should hikers to {name} watch out for?",
            "Which hazard makes the route to {name} risky?", "What must one beware of on the way to {name}?",
            "What makes the path to {name} dangerous?",
            "Against what does the guide warn those going to {name}?",
        ),
        "waymark": (
            "Which sign marks the trail to {name}?", "What waymark leads to {name}?",
            "What symbol should one follow to {name}?",
            "How is the path to {name} marked?", "By what painted sign does one find {name}?",
            "What is painted along the route to {name}?",
        ),
        "price": (
            "How much is a night at {name}?", "What does it cost to stay at {name}?",
            "What does {name} charge for a bed?",
            "What is the price of a night in {name}?", "How much must one pay to sleep at {name}?",
            "For what sum can a hiker spend the night at {name}?",
        ),
    },
    titles=(
        "{name}", "The way to {name}", "Hut notes: {name}", "Up to {name}", "{name} on foot", "A night at {name}",
        "Stage end: {name}", "Route: {name}",
    ),
)  # fmt: skip

KINDS = (
    VILLAGE, BRIDGE, ISLAND, MUSEUM, MINE, HUT,
)  # fmt: skip
