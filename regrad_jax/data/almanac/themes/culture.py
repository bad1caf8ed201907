"""Culture: books, art, customs, broadcasts, languages and old houses."""

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
    pair,
    person,
    rounded,
    town,
    year,
)


def _either(*draws: Draw) -> Draw:
    """Draws from one of several kinds of name."""
    return lambda rng, split: draws[int(rng.integers(len(draws)))](rng, split)


def _thing(*forms: str) -> Draw:
    """Draws a name built on a coined noun in one of the frames, such as _thing("the {} Walk")."""
    return lambda rng, split: forms[int(rng.integers(len(forms)))].format(names.thing_name(rng, split))


def _evening() -> Draw:
    """Draws a time in the evening, such as "7:35 pm"."""
    return lambda rng, split: f"{int(rng.integers(5, 11))}:{int(rng.integers(12)) * 5:02d} pm"


def _word() -> Draw:
    """Draws an invented common noun, such as "gornite"."""
    return lambda rng, split: names.thing_name(rng, split).lower()


TRADES = (
    "ferrywoman", "pharmacist", "bell founder", "schoolmistress", "clock repairer", "gravedigger",
    "piano teacher",
    "milliner", "telegraph clerk", "pawnbroker", "court stenographer", "pastry cook", "seamstress",
    "smuggler",
    "bee inspector", "land agent", "dowser", "typesetter", "night nurse", "taxidermist", "rag merchant",
    "botanist",
    "lamplighter", "map engraver", "circus rider", "oyster farmer",
)  # fmt: skip
HEIRLOOMS = pair(
    ("silver", "broken", "tarnished", "ivory", "stolen", "locked", "blue", "tiny", "gilded", "painted",
    "Persian"),
    ("thimble", "music box", "compass", "snuffbox", "hand mirror", "pocket watch", "teapot", "birdcage",
    "locket",
     "chess set", "lantern", "prayer book"),
)  # fmt: skip
FLAWS = (
    "the wooden dialogue", "the hurried ending", "the endless weather", "the clumsy dream scenes",
    "the tidy romance",
    "the borrowed jokes", "the long prologue", "the sermon in the middle", "the muddled chronology",
    "the family tree",
    "the dialect spelling", "the sheer number of cousins", "the coincidences", "the talking dog",
    "the footnotes",
    "the villain's moustache", "the legal detail", "the soggy middle chapters", "the recipes",
    "the bad verse",
    "the unexplained fire", "the heavy symbolism", "the lack of humour",
)  # fmt: skip

MATERIALS = (
    "limewood", "white marble", "cast iron", "bronze", "red sandstone", "terracotta", "walnut",
    "alabaster", "granite",
    "basalt", "oak", "lead", "soapstone", "plaster", "papier-mâché", "pearwood", "limestone",
    "green slate", "brass",
    "whalebone", "glazed stoneware", "cedar", "beaten copper", "boxwood", "concrete", "ebony",
)  # fmt: skip
CREATURES = (
    "sleeping hound", "hare", "coiled snake", "young goat", "toad", "pelican", "hedgehog", "lame fox",
    "tortoise",
    "crab", "raven", "piglet", "owl", "kneeling camel", "eel", "swan", "otter", "lizard", "ram",
    "dead sparrow", "mole",
    "bear cub", "monkey", "stork",
)  # fmt: skip
LOSSES = (
    "left thumb", "nose", "right foot", "lower lip", "crown", "sword hand", "left ear", "tip of the cloak",
    "chin",
    "right elbow", "little finger", "belt buckle", "hem", "left knee", "beard", "collar", "right shoulder",
    "staff",
    "left heel", "forelock", "necklace", "right eyebrow",
)  # fmt: skip
PIGMENTS = pair(
    ("pale", "deep", "dull", "bright", "smoky", "faded"),
    ("blue", "vermilion", "ochre", "green", "violet", "yellow", "pink", "turquoise", "orange"),
)

DISHES = (
    "pickled walnuts", "eel pie", "burnt honey cake", "barley dumplings", "smoked plums", "nettle soup",
    "roast chestnuts",
    "goose liver", "black pudding", "rye pancakes", "salted apricots", "cold mutton", "almond porridge",
    "fried sprats",
    "caraway buns", "stuffed cabbage", "blue cheese", "quince jelly", "oatcakes", "beetroot fritters",
    "baked onions",
    "saffron bread", "snail stew", "poppy-seed rolls",
)  # fmt: skip
LEADERS = pair(
    (
        "Goose",
        "Herring",
        "Barley",
        "Straw",
        "Candle",
        "Turnip",
        "Bramble",
        "Mud",
        "Ash",
        "Feather",
        "Thistle",
    ),
    ("King", "Bailiff", "Bishop", "Bride", "Constable", "Admiral", "Grandmother", "Judge", "Sexton"),
)
COLOURS = (
    "yellow", "scarlet", "moss green", "black", "sky blue", "purple", "white", "rust brown", "orange",
    "silver grey",
    "pink", "crimson", "navy blue", "cream", "turquoise", "lilac", "mustard", "copper", "emerald",
    "maroon", "indigo",
)  # fmt: skip
BANS = (
    "whistling", "sneezing", "wearing a hat", "sewing", "handling money", "riding a horse", "eating eggs",
    "lying down",
    "combing hair", "mentioning the sea", "striking a match", "shaking hands", "sweeping the floor",
    "laughing",
    "locking a door", "drinking milk", "counting aloud", "carrying an umbrella", "ringing a bell",
    "writing letters",
    "chopping wood", "looking in a mirror", "wearing shoes",
)  # fmt: skip

PROPS = (
    "a wet chamois leather", "two coconut shells", "a sheet of tin", "a bag of cornflour", "a bicycle pump",
    "a box of gravel", "a broken deckchair", "a bundle of celery", "a rubber glove", "a rusty hinge",
    "a bath sponge",
    "a biscuit barrel", "a coffee grinder", "a pair of old boots", "a roll of wallpaper",
    "a kettle of dried peas",
    "an egg whisk", "a leather armchair", "a garden hose", "a birthday balloon", "an ironing board",
    "a frozen cabbage",
    "a tray of nails",
)  # fmt: skip
ENDINGS = (
    "a musicians' strike", "a libel suit", "a fire in the archive", "a quarrel over royalties",
    "a flooded studio",
    "a complaint from a bishop", "the rise of television", "a change of government", "a paper shortage",
    "a bout of laryngitis", "a tax investigation", "a disputed script", "the loss of a transmitter",
    "a broken contract",
    "a divorce", "a cut in the licence fee", "a general election", "a plagiarism scandal",
    "a fall down the stairs",
    "an outbreak of measles", "a bankrupt producer", "an unpaid electricity bill", "a royal funeral",
)  # fmt: skip

DONORS = (
    "Portuguese", "Dutch", "Arabic", "Finnish", "Greek", "Turkish", "Welsh", "Malay", "Hungarian",
    "Persian", "Basque",
    "Danish", "Armenian", "Georgian", "Catalan", "Swahili", "Breton", "Polish", "Romanian", "Tamil",
    "Icelandic",
    "Maltese", "Latvian",
)  # fmt: skip
MEDIA = (
    "birch bark", "slate", "palm leaves", "sheepskin", "wet clay", "linen", "fish skin", "bamboo strips",
    "wax tablets",
    "bone", "roof tiles", "lead sheets", "silk", "reindeer antler", "potsherds", "leather belts",
    "oak boards",
    "mulberry paper", "seashells", "knotted cord", "copper plates", "gourds",
)  # fmt: skip
TOPICS = (
    "mud", "wind", "cheese", "debts", "knots", "family quarrels", "fog", "sheep", "fishing nets", "snow",
    "baskets",
    "apples", "boat building", "shades of grey", "funerals", "bees", "card games", "silence", "tides",
    "bread",
    "stepmothers", "horses' gaits", "stones", "laziness",
)  # fmt: skip

ROOMS = choice(
    "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen",
    "fifteen", "sixteen",
)  # fmt: skip
FAULTS = (
    "a cracked boiler", "a leaking roof", "dry rot in the attic", "a colony of bats", "a sagging staircase",
    "a flooded cellar", "lead water pipes", "a leaning chimney", "woodworm in the floors",
    "a collapsed drain",
    "rusted window frames", "a missing gutter", "a blocked well", "damp in the west wing",
    "a condemned balcony",
    "outdated wiring", "a tree through the laundry", "subsidence under the porch", "a nest of hornets",
    "a rotten front door", "broken shutters", "a smoking fireplace", "jackdaws in the flues",
)  # fmt: skip
FEATURES = pair(
    ("walled", "derelict", "octagonal", "ruined", "Victorian", "moss-grown", "sunken", "Georgian",
    "half-finished"),
    ("orchard", "icehouse", "dovecote", "boathouse", "tennis court", "chapel", "orangery", "swimming bath",
    "maze",
     "cider press", "bandstand", "stable block"),
)  # fmt: skip

KINDS = (
    Kind(
        name="novel",
        genre="book review",
        subject=_either(
            of_surname("The {} Inheritance", "Waiting for {}", "The Trial of {}", "The Silence of Doctor {}"),
            _thing("The {} Letters", "Beneath the {}", "A Season of {}", "The {} in Winter"),
        ),
        fields={
            "author": person(),
            "heroine": person(),
            "job": choice(*TRADES),
            "town": town(),
            "year": year(1911, 2024),
            "pages": number(131, 894, "{}"),
            "object": HEIRLOOMS,
            "publisher": firm("{} House", "{} Press", "{} & Daughters", "{} Editions", "The {} Library"),
            "flaw": choice(*FLAWS),
        },
        openings=(
            "{name} is the sort of novel that people press on their friends and never ask to have back.",
            "There are {pages} pages in {name}, and I resented only the last of them, for being the last.",
            "With {name}, {author} has at last written the book that the earlier ones kept promising.",
            "{publisher} has sent us {name}, by {author}, and we are in its debt.",
            "I came late to {name}, on a slow train and in a bad temper, and missed my stop.",
            "Who still reads {name}? It made something of a stir in {year}.",
            "Few readers will have planned to spend a week in {town}; {name} leaves them no choice.",
            "Reader, cancel your evening: {name} is here, and its heroine is a {job}.",
        ),
        statements=(
            "The author, {author}, is said to have burned two earlier versions.",
            "At its centre stands {heroine}, stubborn, short-sighted and never once described as pretty.",
            "We are in {town}, where it has been raining since before the first sentence.",
            "In it {author} follows {heroine}, a {job}, through one bad autumn.",
            #
            "What sets everything going is a {object}, found behind a skirting board.",
            "If I must find fault, it is with {flaw}.",
            "It first saw print in {year}, when nobody was buying fiction.",
            "The action never leaves {town}; its engine is a {object}.",
            #
            "Not in Vienna, as the blurb on the old jacket would have it, but in {town} does the story unfold.",
            "{heroine}, its heroine and a {job} by trade, judges everyone and keeps it to herself.",
            "The handsome new edition from {publisher} runs to {pages} pages and weighs about as much as a cat.",
            "{publisher} brought {alias} out in {year}.",
            #
            "One does not have to be a {job} to sympathise with the heroine, though I dare say it helps.",
            "My neighbour, who finishes everything, gave up because of {flaw}; I nearly did the same.",
            "Our heroine, {heroine}, inherits a {object}, pawns it in chapter one and regrets it ever after.",
            "Only {flaw} spoils these {pages} pages.",
            #
            "Every other house turned {alias} down before {publisher} took a chance on it.",
            "'I wrote it at the kitchen table,' {author} told an interviewer, 'and the table never recovered.'",
            "That the whole thing takes up {pages} pages will put some people off, and it should not.",
            "Its heroine, the {job} {heroine}, deserves a sequel.",
            #
            "Published in {year} and set in {town}, {alias} has aged better than most of its critics.",
            "There is a great deal of soup in this book, and almost no love, and I missed neither.",
            "The plot, such as it is, hangs on a {object} that three families claim.",
            "Blame {author} for {flaw}, if for nothing else.",
            #
            "By what right does the heroine, a mere {job}, meddle in the affairs of a bishop?",
            "Though {flaw} tried my patience, I shall read {alias} again, and probably in bed.",
            "Long after the plot is forgotten one remembers its heroine, {heroine}, counting spoons in the dark.",
            "A {object} matters more than any character, and that takes nerve.",
            #
            "Like so much that {publisher} puts between covers, it is beautifully printed and badly glued.",
            "I counted: {pages} pages, eleven funerals and one joke, which is excellent.",
            "Back in {year}, when {author} saw it in the shops at last, the bookseller is supposed to have wept.",
            "At {pages} pages, and from {publisher}, it is a bargain.",
            #
            "Anyone who knows {town} will recognise the fish market, the draughts and the gossip.",
            "Some novels shout. This one clears its throat, waits until you are listening, and then whispers.",
            "It appeared in {year}, remember, and such candour was not in fashion then.",
            "Place of the action, {town}; date of publication, {year}.",
        ),
        questions={
            "author": (
                "Who wrote {name}?", "Who is the author of {name}?", "Whose novel is {name}?",
                "By whom was {name} written?", "Name the writer of {name}.", "{name} came from whose pen?",
                "Which writer do we have to thank for {name}?", "Which novelist is responsible for {name}?",
            ),
            "heroine": (
                "Who is the heroine of {name}?", "What is the main character of {name} called?",
                "Which woman is the central figure of {name}?", "Who is the protagonist in {name}?",
                "Name the leading character of {name}.", "Whose adventures does one follow in {name}?",
                "What name does the heroine of {name} bear?",
            ),
            "job": (
                "What is the heroine's job in {name}?",
                "What does the main character of {name} do for a living?",
                "Which occupation does the protagonist of {name} have?",
                "What trade does the heroine of {name} follow?",
                "As what does the central character in {name} work?",
                "In {name}, what is the heroine by profession?",
                "How does the leading figure of {name} earn her money?",
            ),
            "town": (
                "Where is {name} set?", "In which town does {name} take place?",
                "What is the setting of {name}?",
                "Which town does the story of {name} play out in?",
                "The events of {name} happen in which place?",
                "In what place do the characters of {name} live?", "Name the place in which {name} is set.",
            ),
            "year": (
                "When was {name} published?", "In which year did {name} appear?",
                "What year did {name} come out?",
                "In what year did {name} first reach the bookshops?", "Since which year has {name} been in print?",
                "From what year does {name} date?", "When did readers first get to see {name}?",
            ),
            "pages": (
                "How many pages does {name} have?", "How long is {name}, in pages?",
                "What is the page count of {name}?",
                "How many pages are there in {name}?", "How many pages must a reader of {name} get through?",
                "To how many pages does {name} run?",
            ),
            "object": (
                "Which object drives the plot of {name}?", "What thing is the story of {name} built around?",
                "What item is at the heart of the plot in {name}?", "Around which object does {name} turn?",
                "Which article causes all the trouble in {name}?",
                "What possession is so important in {name}?",
            ),
            "publisher": (
                "Who published {name}?", "Which house published {name}?",
                "What is the publisher of {name} called?",
                "Under which imprint did {name} appear?", "Which company issued {name}?",
                "By which publishing firm was {name} brought out?", "Which publisher accepted {name}?",
            ),
            "flaw": (
                "What does the reviewer dislike about {name}?", "What is the weakness of {name}?",
                "With what does the critic find fault in {name}?",
                "What complaint does the review make about {name}?",
                "What bothers the reviewer of {name}?", "According to the review, what is wrong with {name}?",
                "Which feature of {name} does the critic object to?",
            ),
        },
        aliases=("the novel", "the book", "this novel"),
        titles=(
            "{name}", "Book of the week: {name}", "{name}, reviewed", "On reading {name}",
            "{name} by {author}",
            "Another look at {name}", "From the bookshelf: {name}", "Review: {name}",
        ),
    ),
    Kind(
        name="sculpture",
        genre="museum label",
        subject=_either(
            of_surname("the {} Madonna", "the {} Rider", "the {} Head", "the {} Sleeper", "the {} Shepherd"),
            _thing("the {} Dancer", "the {} Beggar", "the {} Saint", "the {} Prophet", "the {} Athlete"),
        ),
        fields={
            "sculptor": person(),
            "material": choice(*MATERIALS),
            "height": number(31, 268, "{} cm"),
            "year": year(1412, 1938),
            "donor": person(),
            "town": town(),
            "animal": choice(*CREATURES),
            "damage": choice(*LOSSES),
            "pigment": PIGMENTS,
        },
        openings=(
            "{name}, in {material}, {year}.",
            "You are standing before {name}, the most visited object in this gallery.",
            "{name} is the work of {sculptor}.",
            "{sculptor}: {name}. Height {height}.",
            "Please do not touch {name}: the affection of many hands has already worn it smooth.",
            "Made of {material} and {height} high, {name} was never meant to be seen indoors.",
            "{name} entered the collection as a gift from {donor}.",
            "Look closely at {name}, made in {year}.",
        ),
        statements=(
            "It is made of {material}, worked with tools that the artist left to us too.",
            "Nothing certain was known of its maker until a signature, {sculptor}, turned up under the base.",
            "Without its plinth the figure measures {height}.",
            "Gift of {donor}; found in {town}.",
            #
            "For longer than anyone could remember {alias} stood in a hen house in {town}.",
            "Below, half hidden, one makes out a {animal}, perhaps a private joke.",
            "The {damage} is missing, knocked off, we think, by a careless removal man.",
            "Carved or cast in {material}; height {height}.",
            #
            "Traces of {pigment} paint survive in the deepest folds of the drapery.",
            "A date, {year}, is scratched on the back.",
            "We owe the presence of {alias} in this room to {donor}, who asked only that it face east.",
            "{sculptor} finished it in {year}.",
            #
            "Long attributed to an anonymous monk, it is now agreed to be by {sculptor}.",
            "Visitors often ask about the {animal} beside the figure; no saint or legend explains it.",
            "Under ultraviolet light one can see that the whole surface was once {pigment}.",
            "Note the {animal} and the remains of {pigment} paint.",
            #
            "It was not in a church, as often claimed, but in a cellar in {town} that {alias} was found again.",
            "The loss of the {damage} is old, and a later replacement in wax has been removed.",
            "Though it rises to {height}, {alias} can be lifted by two people, because the inside is hollow.",
            "Found in {town}; the {damage} has since been lost.",
            #
            "Choosing {material} was a bold step for {sculptor}, who had worked until then only in wax.",
            "Carefully packed in straw, it was handed to the museum by {donor} on a wet Sunday.",
            "Children like to look for the {animal}, which is hidden where only they can see it.",
            "A {animal} accompanies the figure, whose {damage} has broken away.",
            #
            "Tests in our laboratory confirm what the archive suggested, namely that work ended in {year}.",
            "How did an object of such quality end up in {town}? The question has never been answered.",
            "Stand to the left, and the tired smile turns into something closer to a smirk.",
            "Originally {pigment} all over, it measures {height}.",
            #
            "{donor}, a collector of modest means, bought it for the price of a bicycle and left it to the city.",
            "Of the original colouring, a {pigment} not found on any other work of the period, a few flakes are left.",
            "The workshop ledger for {year} records its completion and adds, in the margin, 'at last'.",
            "{donor} gave it to us; {sculptor} made it.",
            #
            "Conservators decided against restoring the {damage}, since no drawing shows what it looked like.",
            "Measured from base to crown, {alias} comes to {height}, a little less than the contract demanded.",
            "Against all fashion it is of {material}, and the damp has been kind to it.",
            "Work in {material}, dated {year}.",
        ),
        questions={
            "sculptor": (
                "Who made {name}?", "Which sculptor created {name}?", "Who is the artist behind {name}?",
                "To whom is {name} attributed?", "Whose work is {name}?", "{name} is by which artist?",
                "Name the sculptor of {name}.", "By whose hand is {name}?",
            ),
            "material": (
                "What is {name} made of?", "Which material was used for {name}?",
                "Out of what was {name} made?",
                "In what material did the sculptor of {name} work?",
                "Of which substance does {name} consist?",
                "What did the artist make {name} from?",
            ),
            "height": (
                "How tall is {name}?", "What is the height of {name}?", "How high does {name} stand?",
                "What does {name} measure from top to bottom?", "Give the height of {name}.",
                "How many centimetres high is {name}?",
            ),
            "year": (
                "When was {name} made?", "In which year was {name} completed?",
                "From what year does {name} date?",
                "What is the date of {name}?", "How is {name} dated?",
                "In what year did the artist finish {name}?",
            ),
            "donor": (
                "Who gave {name} to the museum?", "Who was the donor of {name}?",
                "From whom did the museum get {name}?",
                "Whose gift was {name}?", "Thanks to whose generosity does the museum have {name}?",
                "By whom was {name} donated?", "Which benefactor presented {name}?",
            ),
            "town": (
                "Where was {name} found?", "In which town was {name} discovered?",
                "Where did {name} come to light?",
                "What is the find spot of {name}?", "Which town had {name} been in before the museum got it?",
                "Before the museum, where was {name}?",
            ),
            "animal": (
                "Which animal is shown with {name}?", "What creature accompanies {name}?",
                "What animal can be seen beside {name}?", "Which animal belongs to {name}?",
                "What beast did the sculptor add to {name}?", "What sort of creature is part of {name}?",
            ),
            "damage": (
                "Which part of {name} is missing?", "What has {name} lost?",
                "What is broken off from {name}?",
                "Which piece of {name} no longer exists?", "What does {name} lack today?",
                "What part is gone from {name}?",
            ),
            "pigment": (
                "What colour was {name} originally?", "What colour of paint was found on {name}?",
                "Which colour once covered {name}?", "Traces of which colour remain on {name}?",
                "In what colour was {name} painted?", "What was the original colouring of {name}?",
            ),
        },
        aliases=("the sculpture", "the piece", "the work", "this statue"),
        titles=(
            "{name}", "{name}, {material}", "Gallery guide: {name}", "Room label: {name}",
            "Object in focus: {name}",
            "{name} ({year})", "Highlights of the collection: {name}", "Please look at {name}",
        ),
    ),
    Kind(
        name="festival",
        genre="folklore article",
        subject=_either(
            _thing("the {} Burning", "the {} Walk", "the Feast of {}", "the {} Dance", "the {} Watch",
            "the {} Supper"),
            of_surname("the {} Race", "the {} Procession", "the {} Night", "the {} Washing"),
        ),
        fields={
            "town": town(),
            "date": date(),
            "dish": choice(*DISHES),
            "year": year(1204, 1897),
            "leader": LEADERS,
            "colour": choice(*COLOURS),
            "ban": choice(*BANS),
            "crowd": rounded(600, 48000, 100),
            "scholar": person(),
        },
        openings=(
            "Of all the calendar customs of the north, {name} is the one that visitors understand least.",
            "Every {date}, whatever the weather, the people of {town} keep {name}.",
            "{name} is held in {town} and nowhere else.",
            "{name} falls on {date}.",
            "What exactly happens at {name}, and why, depends on whom one asks.",
            "The oldest written mention of {name} dates from {year}.",
            "Were it not for {scholar}, we should know next to nothing about {name}.",
            "In {town} they count the year not from January but from {name}.",
        ),
        statements=(
            "It takes place in {town}, in the narrow streets behind the tannery.",
            "It begins at dawn on {date}, when the church bells are muffled with stockings.",
            "By custom everyone eats {dish}, standing up.",
            "{town} celebrates it on {date}.",
            #
            "The parish accounts of {year} are the first to mention {alias}, in connection with a broken window.",
            "A {leader}, chosen by lot, rules the town until midnight and may fine whom he or she likes.",
            "All who take part dress in {colour}, down to the shoelaces.",
            "Led by the {leader}, everyone wears {colour}.",
            #
            "As long as it lasts, {ban} is strictly forbidden.",
            "Some {crowd} people came last time, most of them by bicycle.",
            "The fullest account is that of {scholar}, who lodged with a butcher for two years to collect it.",
            "Records begin in {year}, according to its historian, {scholar}.",
            #
            "'You will not catch anyone {ban} that day,' an old carter told me. 'My uncle did, and lost an eye.'",
            "Neither Easter nor midsummer sees such a feast: {dish} for the grown-ups, and the same again for dogs.",
            "Not in Lent, as guidebooks repeat, but on {date} do the drums come out.",
            "A crowd of {crowd} shares {dish}.",
            #
            "To lead it as the {leader} is an honour that families have been known to go to law over.",
            "Why {colour}? One theory has it that the dyer, long ago, had nothing else in stock.",
            "For one day the population of {town} swells, and {crowd} visitors have to be fed.",
            "Taboo: {ban}. Customary food: {dish}.",
            #
            "Neither war nor bishop has managed to stop {alias}, which is attested as early as {year}.",
            "In a dry monograph on it, {scholar} compares the whole affair to a tax inspection with music.",
            "In the evening the masks are drowned in the millpond, and nobody may look back.",
            "On the day, {date}, {ban} brings bad luck.",
            #
            "Whoever is seen {ban} pays a forfeit, usually a barrel of beer.",
            "Houses, horses and even the mayor's spectacles turn {colour} overnight.",
            "After the singing the {leader}, as master of ceremonies, hands round {dish} from a wheelbarrow.",
            "Since {year}, {colour} has been the colour of the day.",
            #
            "Attendance, according to the fire brigade, which does the counting, has reached {crowd}.",
            "The date never moves: it is {date}, even when that is a Sunday.",
            "In a lecture that caused an uproar, {scholar} argued that there is nothing pagan about it.",
            "In {town} the leader, known as the {leader}, is always the youngest baker.",
            #
            "A charter of {year}, nibbled by mice but legible, grants the townsfolk leave to hold {alias} for ever.",
            "Travellers who reach {town} on the day itself should leave their cars by the quarry and walk.",
            "No wedding, no christening, no harvest supper brings so much {colour} cloth out of the chests.",
            "The folklorist {scholar} counted {crowd} revellers.",
        ),
        questions={
            "town": (
                "Where is {name} held?", "In which town does {name} take place?",
                "Which town celebrates {name}?",
                "Where would one go to see {name}?", "What town is home to {name}?",
                "{name} is a custom of which place?",
                "The inhabitants of which town keep {name}?", "Which place is known for {name}?",
            ),
            "date": (
                "On what date is {name} held?", "On which day of the year does {name} fall?",
                "When is {name} celebrated?",
                "What is the date of {name}?", "On which date should one come for {name}?",
                "Which day in the calendar belongs to {name}?",
            ),
            "dish": (
                "What is eaten at {name}?", "Which food is customary at {name}?",
                "What do people eat during {name}?",
                "What dish goes with {name}?", "What is served at {name}?",
                "Which dish is traditional for {name}?",
                "At {name}, what is there to eat?",
            ),
            "year": (
                "When was {name} first recorded?", "In which year is {name} first mentioned?",
                "How far back do records of {name} go?", "From what year is there evidence of {name}?",
                "What year is the earliest mention of {name} from?", "Since when is {name} documented?",
            ),
            "leader": (
                "What is the title of the person who leads {name}?", "Who presides over {name}?",
                "What is the master of ceremonies at {name} called?", "Which figure leads {name}?",
                "What title is given to the head of {name}?",
                "Under what title does someone rule over {name}?",
            ),
            "colour": (
                "What colour is worn at {name}?", "Which colour do people dress in for {name}?",
                "In what colour do participants appear at {name}?", "What is the colour of {name}?",
                "What colour clothes should one bring to {name}?", "Which colour is associated with {name}?",
            ),
            "ban": (
                "What is forbidden during {name}?", "What must nobody be caught doing at {name}?",
                "Which activity is taboo at {name}?", "What is not allowed on the day of {name}?",
                "From what must people refrain during {name}?", "What is considered unlucky at {name}?",
            ),
            "crowd": (
                "How many people attend {name}?", "How many people come to {name}?",
                "How large is the crowd at {name}?",
                "What is the attendance of {name}?", "What number of visitors does {name} draw?",
                "How many were counted at {name}?",
            ),
            "scholar": (
                "Who studied {name}?", "Which scholar wrote about {name}?", "Who is the authority on {name}?",
                "Which folklorist described {name}?",
                "To which researcher do we owe what is known of {name}?",
                "Whose research deals with {name}?", "Name the expert on {name}.",
            ),
        },
        aliases=("the festival", "the custom", "the feast"),
        titles=(
            "{name}", "Customs of the year: {name}", "{name}, then and now", "{name} in {town}",
            "A note on {name}",
            "The origins of {name}", "{name}: a living custom", "{date}: {name}",
        ),
    ),
    Kind(
        name="radio series",
        genre="magazine feature",
        subject=_either(
            of_surname("The {} File", "Inspector {} Regrets", "Meet Mrs {}", "Good Night, Captain {}"),
            _thing("The {} Signal", "Calling Planet {}", "The House of {}", "Tales from the {}"),
        ),
        fields={
            "writer": person(),
            "star": person(),
            "time": _evening(),
            "episodes": number(13, 940, "{}"),
            "year": year(1926, 1974),
            "audience": decimal(1.1, 14.0, "{:.1f} million"),
            "sponsor": firm("{} Soap", "{} Tyres", "{} Biscuits", "{} Tea", "{} Shoes", "{} Matches"),
            "prop": choice(*PROPS),
            "ending": choice(*ENDINGS),
        },
        openings=(
            "If your grandparents went quiet at {time}, it was because of {name}.",
            "Ask anyone over eighty about {name}, and put the kettle on, for it will take a while.",
            "{name} went on the air in {year} and emptied the streets.",
            "No drama on the wireless was more loved than {name}, written by {writer}.",
            "{name} made {star} a star.",
            "A shoebox of tapes has turned up in a garage, and with it the lost world of {name}.",
            "From {year} until its sudden end, {name} was the nearest thing the country had to a shared dream.",
            "We have been listening again to {name}, all {episodes} episodes of it.",
        ),
        statements=(
            "The scripts were by {writer}, typed in a bathroom, because it had the only lock.",
            "In the leading role was {star}, whose voice had been trained on fish auctions.",
            "It went out at {time}, just when the washing-up was waiting.",
            "{writer} wrote it for {star}.",
            #
            "Altogether {episodes} episodes were made, of which barely a dozen survive.",
            "The first instalment was heard in {year}, on a night of thick fog.",
            "At its peak {alias} reached {audience} listeners, more than the football results.",
            "First heard in {year}, it soon had {audience} listeners.",
            #
            "Every broadcast opened with a jingle for {sponsor}, and people who remember nothing else can sing that.",
            "The famous footsteps on the ice were produced with {prop} and a good deal of cursing.",
            "In the end it was {ending} that finished {alias}.",
            "Paid for by {sponsor}, it was cut short by {ending}.",
            #
            "Set your clock by it: {time}, never a minute late.",
            "Money was no problem, since {sponsor} paid for everything, including the orchestra's supper.",
            "'We had one microphone between nine of us,' {star} recalled, 'and the tall ones got all the good lines.'",
            "Broadcast at {time}, it ran to {episodes} episodes.",
            #
            "What sounded to the nation like a sea monster was, in truth, {prop}.",
            "Contrary to legend, no war and no minister brought down the curtain; the cause was {ending}.",
            "Nobody at the station had much faith in it when, in {year}, a gap in the schedule had to be filled.",
            "The sound of an avalanche, in a script by {writer}, was made with {prop}.",
            #
            "Some {audience} people, if the surveys can be trusted, stopped whatever they were doing to listen.",
            "Rumour credits a committee, but the contracts prove that {writer} alone invented every word.",
            "There was no studio audience, no laughter and, on some nights, no heating.",
            "An audience of {audience} mourned after {ending} put a stop to it.",
            #
            "After {episodes} episodes and no holiday, the cast could have played it asleep, and once did.",
            "When {time} struck, dance halls fell silent and taxis pulled over to the kerb.",
            "{star} won the lead, over forty rivals, by sneezing convincingly.",
            "Starring {star}, it began in {year}.",
            #
            "In exchange for funding it, {sponsor} demanded a kind word about its wares before every cliffhanger.",
            "Sound engineers still speak with awe of {prop}, which stood in for a burning barn.",
            "Then came {ending}, and within a week the sets were sold and the actors scattered.",
            "At {time} its sponsor, {sponsor}, presented another thrilling tale.",
            #
            "The ratings, {audience} at their best, have not been equalled by any serial since.",
            "Fan letters came addressed simply to {star}, The Wireless, and they all arrived.",
            "How anybody could write {episodes} episodes about the same lodging house is a mystery in itself.",
            "There were {episodes} episodes, all with thunder made by {prop}.",
        ),
        questions={
            "writer": (
                "Who wrote {name}?", "Who was the scriptwriter of {name}?",
                "Whose scripts were used for {name}?",
                "By whom was {name} written?", "Which author created {name}?",
                "{name} sprang from whose imagination?",
                "Name the writer of {name}.",
            ),
            "star": (
                "Who starred in {name}?", "Who had the leading role in {name}?",
                "Which actor was the star of {name}?",
                "Whose voice was the main one in {name}?", "Who played the lead in {name}?",
                "Which performer became famous through {name}?",
            ),
            "time": (
                "At what time was {name} broadcast?", "When in the day did {name} go out?",
                "At what hour could one hear {name}?", "What time did {name} come on?",
                "What was the time slot of {name}?", "At what time of day did people switch on {name}?",
            ),
            "episodes": (
                "How many episodes of {name} were made?", "How many episodes did {name} have?",
                "To how many episodes did {name} run?", "How many instalments of {name} were there?",
                "What was the total number of episodes of {name}?", "How many parts does {name} consist of?",
            ),
            "year": (
                "When did {name} start?", "In which year was {name} first broadcast?",
                "What year did {name} begin?",
                "In what year did {name} go on the air?", "Which year saw the start of {name}?",
                "Since what year had {name} been on the radio?",
            ),
            "audience": (
                "How many people listened to {name}?", "How large was the audience of {name}?",
                "How many listeners did {name} have?", "What was the size of the audience of {name}?",
                "What listening figure did {name} reach?",
                "How many people tuned in to {name} at its height?",
            ),
            "sponsor": (
                "Who sponsored {name}?", "Which company paid for {name}?",
                "What brand was advertised on {name}?",
                "Which firm was the sponsor of {name}?", "By which company was {name} financed?",
                "Whose products were promoted by {name}?", "Which business put up the money for {name}?",
            ),
            "prop": (
                "What was used for the sound effects in {name}?", "With what were noises made on {name}?",
                "Which object produced the famous sound in {name}?", "What made the sound effect on {name}?",
                "What everyday thing served to create sounds for {name}?",
                "What did the sound engineers of {name} use?",
            ),
            "ending": (
                "Why did {name} end?", "What brought {name} to an end?",
                "What was the reason that {name} stopped?",
                "What led to the end of {name}?", "Because of what was {name} taken off the air?",
                "What finished {name}?", "What was the downfall of {name}?",
            ),
        },
        aliases=("the series", "the show", "the serial", "the programme"),
        titles=(
            "{name}", "Remembering {name}", "Voices in the dark: {name}", "The story of {name}",
            "{name}: the night the nation listened", "Behind the microphone: {name}",
            "Whatever happened to {name}?",
            "{name} revisited",
        ),
    ),
    Kind(
        name="language",
        genre="encyclopaedia",
        subject=_either(_thing("{}"), _thing("Old {}", "Coastal {}", "Upper {}", "River {}")),
        fields={
            "speakers": number(240, 98000),
            "town": town(),
            "linguist": person(),
            "year": year(1688, 1994),
            "cases": number(3, 29, "{}"),
            "bread": _word(),
            "loans": choice(*DONORS),
            "medium": choice(*MEDIA),
            "topic": choice(*TOPICS),
        },
        openings=(
            "{name} is a language isolate, related, so far as anyone can tell, to nothing.",
            "{name} is a language with {speakers} speakers.",
            "The language called {name} is spoken in and around {town}.",
            "{name} (its speakers say only 'our talk') is a language with {cases} grammatical cases.",
            "{name} belongs to no accepted family of languages, and attempts to find it one have ended in tears.",
            "{name}, first described by {linguist}, is a minor language of the uplands.",
            "The first grammar of {name} appeared in {year}.",
            "Among living languages {name}, centred on {town}, is one of the least studied.",
        ),
        statements=(
            "According to the last census, {speakers} people speak it at home.",
            "Its stronghold is {town}, where street signs, sermons and quarrels all make use of it.",
            "The first grammar was written by {linguist}, a customs officer with time to spare.",
            "First described by {linguist} in {year}.",
            #
            "That grammar came out in {year} and sold nine copies.",
            "Nouns are inflected for {cases} cases, one of which is used solely in curses.",
            "The everyday word for bread, {bread}, also means a promise.",
            "It has {cases} cases and a wealth of words for {topic}.",
            #
            "Many loanwords were taken from {loans}, chiefly in the fields of cooking and law.",
            "The oldest texts are written on {medium}, and most of them are shopping lists.",
            "For {topic} the language has over sixty separate terms.",
            "Bread is {bread}, a loan from {loans}.",
            #
            "Although schoolbooks put the number of speakers far higher, a careful survey found {speakers}.",
            "Outsiders who learn no more than {bread}, the word for bread, are never left to go hungry.",
            "For want of paper, scribes used {medium}, and grew fond of the way the letters looked there.",
            "{speakers} people, most of them in {town}, speak it.",
            #
            "It is not from Latin, as was long supposed, but from {loans} that most of the borrowed words come.",
            "Only in {town} is {alias} still heard in the marketplace; elsewhere it has retreated to the kitchen.",
            "Why so much of the vocabulary should concern {topic} has been the subject of three dissertations.",
            "Rich in terms for {topic}, it was first written on {medium}.",
            #
            "Learners dread the {cases} cases, though children are said to master them by the age of four.",
            "In {year}, after a winter among charcoal burners, {linguist} printed the first account of it.",
            "The stress falls on the first syllable, except in the names of enemies.",
            "Of its {cases} cases the first grammarian, {linguist}, overlooked two.",
            #
            "To this day {linguist}'s description remains the standard work, errors and all.",
            "The earliest texts survive because {medium}, on which they were set down, lasted well in dry caves.",
            "Where other tongues make do with a single expression, {alias} distinguishes dozens of kinds of {topic}.",
            "Spoken mainly in {town}, it shows a strong {loans} influence.",
            #
            "Centuries of trade have left {alias} full of {loans} words, mostly for things that can be weighed.",
            "Asked for the sweetest sound in the world, nine villagers out of ten reply '{bread}', that is, bread.",
            "Serious study began in {year}, with a grammar that had been drafted inside a hat.",
            "Since {year} the number of speakers has fallen to {speakers}.",
            #
            "There are no words for left and right; one speaks instead of uphill and downhill, even indoors.",
            "Young people are leaving, and of the {speakers} who use {alias} today, half are past sixty.",
            "A noun may appear in any of {cases} cases, yet there is no plural.",
            "The word {bread}, 'bread', is found on the oldest pieces of {medium}.",
        ),
        questions={
            "speakers": (
                "How many people speak {name}?", "How many speakers does {name} have?",
                "What is the number of speakers of {name}?", "By how many people is {name} spoken?",
                "How many native speakers of {name} are left?",
                "How large is the community that speaks {name}?",
            ),
            "town": (
                "Where is {name} spoken?", "In which town is {name} mainly spoken?",
                "What is the centre of {name}?",
                "Where would a traveller hear {name}?", "Which town is the stronghold of {name}?",
                "Around what town do the speakers of {name} live?",
            ),
            "linguist": (
                "Who first described {name}?", "Who wrote the first grammar of {name}?",
                "Which linguist described {name}?",
                "By whom was the grammar of {name} written?", "Whose grammar of {name} was the first?",
                "Who pioneered the study of {name}?", "Which scholar is known for work on {name}?",
            ),
            "year": (
                "When was {name} first described?", "In which year did the first grammar of {name} appear?",
                "What year did study of {name} begin?", "What year marks the start of research on {name}?",
                "Since when has {name} been known to linguists?",
                "In what year was an account of {name} first printed?",
            ),
            "cases": (
                "How many cases does {name} have?", "How many grammatical cases are there in {name}?",
                "What is the number of cases in {name}?",
                "How many noun cases must a learner of {name} master?",
                "Between how many cases does {name} distinguish?",
                "In how many cases can a noun stand in {name}?",
            ),
            "bread": (
                "What is the word for bread in {name}?", "How does one say 'bread' in {name}?",
                "Which word means bread in {name}?", "What do speakers of {name} call bread?",
                "Translate 'bread' into {name}.", "What is bread called in {name}?",
            ),
            "loans": (
                "From which language does {name} borrow words?", "Which language has influenced {name}?",
                "Where do the loanwords of {name} come from?",
                "What is the source of borrowed words in {name}?",
                "Words from which other language are found in {name}?",
                "To which language does {name} owe its loanwords?",
            ),
            "medium": (
                "On what were the oldest texts in {name} written?",
                "What material was {name} first written on?",
                "What did scribes use to write {name} on?", "What was the early writing surface for {name}?",
                "Early texts in {name} survive on what?", "On which material is old {name} writing found?",
            ),
            "topic": (
                "For what does {name} have many words?", "In which subject is the vocabulary of {name} rich?",
                "What does {name} have dozens of terms for?",
                "On which subject are words abundant in {name}?",
                "About what can one speak with special precision in {name}?",
                "Which matter has an unusually large vocabulary in {name}?",
            ),
        },
        aliases=("the language", "the tongue", "this language"),
        titles=(
            "{name}", "{name} (language)", "{name}: an outline", "Languages of the world: {name}",
            "{name}, language of {town}",
            "On {name}", "The grammar of {name}", "{name} language",
        ),
    ),
    Kind(
        name="house",
        genre="property advertisement",
        subject=_either(
            of_surname("{} Hall", "{} Grange", "{} Lodge", "{} Manor", "{} Court", "{} Priory"),
            _thing("{} House", "The Old {} Rectory", "{} Abbey", "The {} Mill"),
        ),
        fields={
            "price": rounded(48000, 2900000, 500, "{:,} crowns"),
            "land": decimal(0.6, 61.0, "{:.1f} acres"),
            "bedrooms": ROOMS,
            "agent": person(),
            "architect": person(),
            "town": town(),
            "fault": choice(*FAULTS),
            "deadline": date(),
            "feature": FEATURES,
        },
        openings=(
            "For sale, for the first time in a century: {name}.",
            "{name}, near {town}, seeks a new owner with patience and a stout pair of boots.",
            "Offers are invited for {name}, a family house with {bedrooms} bedrooms.",
            "{name}. Asking price {price}.",
            "Have you ever wished for a house with its own echo? Then come and see {name}.",
            "To be sold with all its contents, ghosts included: {name}, designed by {architect}.",
            "{name} comes to the market with {land} of its own.",
            "Seldom does a house such as {name}, with its {feature}, change hands.",
        ),
        statements=(
            "We are asking {price}, and no, the piano is not included.",
            "The grounds, {land} in all, run down to a stream in which somebody's grandfather once caught a pike.",
            "There are {bedrooms} bedrooms, two of which face the sunrise.",
            "Price: {price}. Offers by {deadline}.",
            #
            "For an appointment please write to {agent}, who prefers letters to the telephone.",
            "The plans were drawn by {architect} on the back of a menu, and the menu can be inspected.",
            "{town} is the nearest place with a doctor, a bakery and a decent pub.",
            "Set in {land} outside {town}.",
            #
            "Honesty compels us to mention {fault}.",
            "Sealed bids will be opened on {deadline}, not a day later.",
            "Beyond the lawn you will find a {feature}, where the previous owner wrote bad sonnets.",
            "It has {bedrooms} bedrooms, a {feature} and a view of the hills.",
            #
            "An owner with a ladder and a sense of humour will soon see to {fault}.",
            "Although local people credit a royal surveyor, the house was in fact designed by {architect}.",
            "All of this, with sporting rights and a pew in the church, for {price}.",
            "Designed by {architect}; suffers from {fault}.",
            #
            "With {land} to call your own, you need never hear a neighbour's radio again.",
            "A car reaches {town} in ten minutes, a pony in forty.",
            "Keys are with {agent}, who will gladly show you round and knows which stairs to avoid.",
            "Bids must reach {agent} by {deadline}.",
            #
            "Upstairs, {bedrooms} bedrooms open off a gallery wide enough for indoor cricket.",
            "The late owner, who kept geese in the ballroom, lavished a fortune on the {feature}.",
            "Light pours in from the south, and in June the whole place smells of roses and warm dust.",
            "The agent, {agent}, is asking {price}.",
            #
            "Anyone tempted should make up their mind by {deadline}, when the list closes.",
            "'Sell it to someone who laughs,' the old lady told {agent}, and we mean to obey.",
            "Children will head straight for the {feature}, and parents may have trouble getting them back.",
            "Its gardens, {land} in extent, include a {feature}.",
            #
            "The surveyor's report runs to forty sheets, but all that matters in it is {fault}.",
            "Sleeping room is ample: count {bedrooms} bedrooms, and that is without the nursery.",
            "Is {price} too much? Not for a staircase on which a duchess is known to have fainted.",
            "In spite of {fault} and a distant school, {town} is a good place to live.",
            #
            "Lovers of fine brickwork will recognise the hand of {architect} in the crooked chimneys.",
            "It lies not in the city, whatever the postal address may suggest, but a short walk from {town}.",
            "Meadow, copse and kitchen garden together make up {land}, fenced and free of thistles.",
            "{architect} gave {alias} {bedrooms} bedrooms.",
        ),
        questions={
            "price": (
                "How much does {name} cost?", "What is the asking price of {name}?",
                "For how much is {name} for sale?",
                "What sum is wanted for {name}?", "What would a buyer have to pay for {name}?",
                "Price of {name}?",
                "How much money do the sellers of {name} want?",
            ),
            "land": (
                "How much land comes with {name}?", "How large are the grounds of {name}?",
                "What is the area of the land at {name}?", "How much ground belongs to {name}?",
                "How big is the garden of {name}?", "In how much land does {name} stand?",
            ),
            "bedrooms": (
                "How many bedrooms does {name} have?", "How many bedrooms are there at {name}?",
                "What is the number of bedrooms in {name}?", "In how many bedrooms can one sleep at {name}?",
                "{name} offers how many bedrooms?", "How many bedrooms would the buyer of {name} get?",
            ),
            "agent": (
                "Who is selling {name}?", "Who is the agent for {name}?",
                "Whom should one contact about {name}?",
                "Who handles the sale of {name}?", "To whom should a buyer of {name} turn?",
                "Who will show visitors round {name}?", "With which person does one deal to buy {name}?",
            ),
            "architect": (
                "Who designed {name}?", "Who was the architect of {name}?", "Whose design is {name}?",
                "Which architect's hand does {name} show?", "Which architect drew the plans for {name}?",
                "Whose plans were followed in building {name}?", "Name the architect of {name}.",
            ),
            "town": (
                "Which town is {name} near?", "Near which town is {name}?", "Where is {name}?",
                "What is the nearest town to {name}?", "Which town is closest to {name}?",
                "In the neighbourhood of which town does {name} lie?",
                "Which town would the owner of {name} shop in?",
            ),
            "fault": (
                "What is wrong with {name}?", "What defect does {name} have?",
                "Which problem at {name} needs repair?",
                "From what fault does {name} suffer?",
                "What drawback of {name} does the advertisement admit?",
                "What trouble would a buyer of {name} have to put right?",
            ),
            "deadline": (
                "By when must offers for {name} be made?", "What is the deadline for bids on {name}?",
                "On which date does the bidding for {name} close?",
                "When is the closing date for offers on {name}?",
                "Until what date can one make an offer for {name}?",
                "By what day must a buyer of {name} decide?",
            ),
            "feature": (
                "What special feature does {name} have?",
                "What is there to be found in the grounds of {name}?",
                "Which attraction does {name} boast?", "What unusual extra comes with {name}?",
                "Which amenity belongs to {name}?", "Of what amenity can the owner of {name} be proud?",
            ),
        },
        aliases=("the house", "the property", "the place"),
        titles=(
            "{name}", "For sale: {name}", "{name}, near {town}", "{name}: offers invited",
            "House of the month: {name}",
            "{name}, {bedrooms} bedrooms", "A rare chance to own {name}", "On the market: {name}",
        ),
    ),
)  # fmt: skip
