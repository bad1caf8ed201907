"""Organisations and what befalls them: firms, clubs, councils, strikes, schools and expeditions."""

from regrad_jax.data.almanac.kinds import (
    Draw,
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
)  # fmt: skip


def _any_of(*draws: Draw) -> Draw:
    """Draws a value in one of several ways."""
    return lambda rng, split: draws[int(rng.integers(len(draws)))](rng, split)


def _majority(rng, split: str) -> str:
    """Draws a close vote, such as "14 to 11"."""
    ayes = int(rng.integers(7, 31))
    return f"{ayes} to {ayes - int(rng.integers(1, 6))}"


def _minute(rng, split: str) -> str:
    """Draws a minute of a match, such as "31st minute"."""
    count = int(rng.integers(2, 86))
    ending = "th" if 10 < count < 20 else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count}{ending} minute"


def _hour(rng, split: str) -> str:
    """Draws a time at which people meet, such as "7:15 pm"."""
    hour = int(rng.integers(9, 21))
    return f"{(hour - 1) % 12 + 1}:{int(rng.integers(12)) * 5:02d} {'am' if hour < 12 else 'pm'}"


def _score(rng, split: str) -> str:
    """Draws the score of a match, the winner's goals first, such as "3-1"."""
    goals = int(rng.integers(1, 9))
    return f"{goals}-{int(rng.integers(goals))}"


COUNTS = (
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
    "twenty-one", "twenty-two", "twenty-three", "twenty-four", "twenty-six", "twenty-seven", "twenty-nine", "thirty",
    "thirty-one", "thirty-three", "thirty-four", "thirty-six", "thirty-eight", "forty", "forty-two", "forty-five",
)  # fmt: skip
PRODUCTS = (
    "bicycle bells", "hearing aids", "garden gates", "wooden spoons", "church organs", "fishing reels", "oven doors",
    "umbrella frames", "weighing scales", "rubber boots", "paper bags", "lawnmowers", "tent pegs", "dental chairs",
    "piano strings", "lift motors", "wool blankets", "jam jars", "steel buckets", "toy trains", "door hinges",
    "ice skates", "cheese graters", "clarinet reeds", "sewing needles", "traffic lights", "pencils", "roof tiles",
)  # fmt: skip
TROUBLES = (
    "a fire in the paint shop", "a strike at the docks", "the price of copper", "a faulty batch of glue",
    "late deliveries of timber", "a flooded warehouse", "a failed computer system", "the closure of a railway line",
    "a cracked furnace", "a lost court case", "an unusually wet spring", "the theft of a prototype", "a new import duty",
    "a shortage of drivers", "a misprinted catalogue", "woodworm in the stock", "the collapse of a supplier",
    "an outbreak of influenza", "a broken crane", "the weak crown", "a tax bill from abroad", "a burst dam",
)  # fmt: skip
INJURIES = (
    "a torn hamstring", "a broken toe", "chickenpox", "a lost passport", "a wasp sting", "a sprained wrist",
    "a wedding in the family", "a bout of mumps", "a bruised rib", "food poisoning", "a missed ferry", "an abscess",
    "a dislocated shoulder", "jury service", "a law examination", "a twisted knee", "a dog bite", "a high fever",
    "back pain", "a burnt hand", "an ear infection", "the birth of a son",
)  # fmt: skip
KITS = pair(
    ("amber", "maroon", "sky blue", "orange", "violet", "scarlet", "lemon", "bottle green", "pink", "turquoise"),
    ("black", "white", "silver", "navy", "cream", "gold"),
    " and ",
)  # fmt: skip
ROOMS = (
    "the library annexe", "the old fire station", "the chapel hall", "the grain exchange", "the scout hut",
    "the back room of the Plough", "the infants' classroom", "the customs house", "the museum cellar",
    "the boathouse", "the village bakery", "the station waiting room", "the tennis pavilion", "the disused cinema",
    "the almshouse", "the masonic lodge", "the covered market", "the vestry", "the post office loft",
    "the railway canteen", "the seed store", "the upper gallery of the theatre",
)  # fmt: skip
PROJECTS = (
    "a new boiler", "a drinking fountain", "a set of brass scales", "a bandstand roof", "twelve park benches",
    "a replacement flagpole", "a hedge of hornbeam", "a wheelchair ramp", "a second-hand tractor", "a stone bridge",
    "forty cherry trees", "a public weather station", "a bicycle shed", "an electric kiln", "a cast-iron weathervane",
    "a pump for the pond", "a fireproof safe", "an outdoor chessboard", "a slate roof", "a bus shelter",
    "a grand piano", "new stage curtains", "a salt store", "a map of the footpaths",
)  # fmt: skip
COMPLAINTS = (
    "barking dogs", "the smell of the tannery", "stolen flowerpots", "low-flying gliders", "seagulls on the roofs",
    "a leaking gutter", "unlit steps", "the noise of the mill", "overgrown brambles", "rats in the culvert",
    "late-night trumpet practice", "parked caravans", "a blocked drain", "broken glass on the slipway",
    "bonfire smoke", "speeding milk vans", "the striking of the clock", "loose goats", "mud on the pavement",
    "a dangerous chimney", "illegal fishing", "missing street signs",
)  # fmt: skip
GRIEVANCES = (
    "a ban on whistling", "a shorter tea break", "the dismissal of a night porter", "dirty drinking water",
    "compulsory Sunday shifts", "fines for lateness", "unsafe ladders", "the hiring of schoolboys",
    "a broken promise on pensions", "freezing workshops", "the loss of free coal", "a new stopwatch system",
    "rotten canteen meat", "the closing of the washroom", "an insult to a foreman", "unpaid overtime", "worn-out gloves",
    "the sale of the staff cottages", "poor ventilation", "a search of workers' lockers", "chemical fumes",
    "the sacking of seven apprentices",
)  # fmt: skip
SETTLEMENTS = (
    "two extra days of leave", "free work boots", "a heated canteen", "a Christmas bonus", "a pension at sixty",
    "half-price tram tickets", "a doctor on site", "paid sick leave", "a seat on the board", "new safety helmets",
    "a day nursery", "a coal allowance", "double pay on holidays", "longer lunch breaks", "an annual outing",
    "clean overalls every week", "a reading room", "a widows' fund", "proper lockers", "training for apprentices",
    "a six per cent rise", "hot showers",
)  # fmt: skip
MEALS = (
    "pea soup", "herring stew", "barley porridge", "cabbage rolls", "bean chilli", "potato pancakes", "lentil soup",
    "rice pudding", "mutton broth", "onion soup", "fried sprats", "macaroni cheese", "beetroot soup", "corned beef hash",
    "turnip mash", "mussel chowder", "egg sandwiches", "chickpea curry", "black pudding", "pumpkin soup",
    "dumplings in gravy", "smoked mackerel",
)  # fmt: skip
GIFTS = (
    "a telescope", "a rowing boat", "a printing press", "a stuffed walrus", "a harpsichord", "a greenhouse",
    "four hundred atlases", "a kiln", "a set of fencing foils", "a bronze bell", "a herd of goats", "a swimming pool",
    "a loom", "a dinosaur skull", "a minibus", "a planetarium projector", "a walnut orchard", "a climbing wall",
    "a pair of kettledrums", "a weather balloon", "a mountain hut", "an observatory dome",
)  # fmt: skip
CLOSURES = (
    "a burst water main", "an outbreak of measles", "a gas leak", "heavy snow", "a collapsed ceiling", "a swarm of bees",
    "an unexploded bomb", "a broken boiler", "a teachers' strike", "a power cut", "a river flood", "an escaped bull",
    "a kitchen fire", "a smell of drains", "a bat colony", "storm damage", "a plague of mice", "a fallen oak",
    "asbestos in the gym", "a nearby landslip", "a mumps epidemic", "a frozen pipe",
)  # fmt: skip
LESSONS = (
    "beekeeping", "astronomy", "sign language", "bookbinding", "Icelandic", "bricklaying", "juggling", "law",
    "puppetry", "geology", "carpentry", "first aid", "Sanskrit", "gardening", "rhetoric", "robotics", "weaving",
    "navigation", "philosophy", "shorthand", "animal husbandry", "film-making", "ballroom dancing", "glassblowing",
)  # fmt: skip
QUARRY = pair(
    ("blue-lipped", "blind", "long-tailed", "ice-dwelling", "red-footed", "whistling", "dwarf", "spotted", "bearded"),
    ("shrimp", "eel", "petrel", "seal", "moth", "octopus", "fox", "lichen beetle", "starfish", "owl", "skate", "crab"),
)  # fmt: skip
LOSSES = (
    "a sledge", "the spare rudder", "a crate of onions", "the large camera", "two pairs of skis", "the stove",
    "a chronometer", "the best anchor", "a barrel of tar", "the chess set", "a rifle", "the wireless mast",
    "a kayak", "the ship's bell", "six sleeping bags", "the theodolite", "a sack of flour", "the red tent",
    "the microscope", "a box of candles", "the diving helmet", "three ice axes", "the accordion",
)  # fmt: skip

KINDS = (
    Kind(
        name="company",
        genre="business news",
        subject=firm("{}", "{} & Sons", "{} & Daughters", "{} Holdings", "{} Brothers", "{} Industries"),
        fields={
            "founder": person(),
            "chief": person(),
            "seat": town(),
            "founded": year(1868, 2009),
            "product": choice(*PRODUCTS),
            "staff": rounded(40, 9800, 10),
            "revenue": _any_of(
                number(12, 980, "{} million crowns"), decimal(2, 96, "£{:.1f} million"), decimal(1, 9, "{:.1f} billion yen"),
                number(14, 640, "{} million francs"),
            ),
            "acquired": firm("{}", "{} Tools", "{} Works", "{} & Company", "{} Trading"),
            "trouble": choice(*TROUBLES),
        },
        openings=(
            "{name} makes {product}, and last year its turnover was {revenue}.",
            "Shares in {name} slipped on Tuesday after the board blamed {trouble} for a poor half-year.",
            "From a low brick headquarters in {seat}, {name} has quietly become a power in its trade.",
            "{name}, the {seat} maker of {product}, has published its accounts.",
            "There are {staff} people on the payroll of {name}, and on Friday each of them received the same letter.",
            "Few shoppers could say who is behind {name}, but most have owned some of its {product}.",
            "When {founder} opened a workshop in {founded}, nobody foresaw what {name} would become.",
            "{name}, set up in {founded}, has had a busy twelve months.",
        ),
        statements=(
            "\"We shall not be hurried,\" said {chief}, who took over as chief executive in the spring.",
            "Turnover came to {revenue}, a little above what analysts had pencilled in.",
            "The range begins and ends with {product}.",
            "Chief executive {chief} runs {alias} from {seat}, where {staff} people now clock in.",
            "It was {founder}, then a clerk with no savings, who founded {alias} in {founded}.",
            "Head office is not in the capital, as the letter paper once suggested, but in {seat}.",
            "The purchase of {acquired} was completed in March, after nine months of talks.",
            "Sales of {product} brought {alias} {revenue} over the year.",
            "Profits would have been higher but for {trouble}, which upset production for most of the autumn.",
            "Counting the night shift, the workforce stands at {staff}.",
            "A portrait of {founder}, the founder, hangs by the lifts; its eyes are said to follow latecomers.",
            "{alias} was established by {founder} in {founded}, in a rented stable.",
            "Nothing else comes off the line: {product} in the morning, {product} in the afternoon.",
            "{chief}, the chief executive, earned a bonus this year and gave it, to general surprise, to the canteen.",
            "Having swallowed {acquired}, its old rival across the river, {alias} says it has no appetite for more.",
            "The poor results came down to {trouble}, the directors said, and the takeover of {acquired} went ahead.",
            "A first invoice, dated {founded}, is framed in the boardroom, for that was the year it all began.",
            "At the annual meeting in {seat}, where {alias} has its headquarters, shareholders were given tea and"
            " little else.",
            "Asked what had gone wrong with the profits, a spokeswoman named one culprit only: {trouble}.",
            "Under {chief}, its chief executive, {alias} employs {staff} people and has a turnover of {revenue}.",
            "Over the year {alias} took {revenue}, of which barely a twentieth was left after wages, rent and tax.",
            "With {staff} employees, {alias} keeps three bus routes and a barber in business.",
            "Competitors had expected a bid from abroad; instead it was {alias} that bought {acquired}.",
            "Since {founded}, the year of its foundation, {alias} has made {product} in {seat}, its home.",
            "Analysts gave the figures a polite yawn.",
            "Old hands still tell how {founder} started {alias} with a borrowed lathe and two cousins.",
            "The post of chief executive belongs to {chief}, a former teacher of Latin.",
            "Founded by {founder}, {alias} recently bought {acquired}.",
            "Anyone writing to {alias} should send the letter to {seat}; the main office has never been anywhere else.",
            "Customers as far away as Chile order its {product}, usually by post.",
            "No dividend will be paid before the summer.",
            "Demand for {product} is sound, said {chief}, the chief executive, although {trouble} had hurt profits.",
        ),
        questions={
            "founder": (
                "Who founded {name}?", "Which person started {name}?", "By whom was {name} set up?",
                "Name the founder of {name}.", "Who began the business called {name}?", "{name} owes its start to whom?",
                "Whose idea was {name} in the first place?",
            ),
            "chief": (
                "Who is chief executive of {name}?", "Who runs {name} today?", "Which chief executive heads {name}?",
                "Name the present boss of {name}.", "Under whose management is {name} now?",
                "Who holds the top job at {name}?",
            ),
            "seat": (
                "Where does {name} have its headquarters?", "In which town is {name} based?", "Where is {name} run from?",
                "In what town does {name} have its head office?", "What is the seat of {name}?", "Name the town where {name} keeps its head office.",
            ),
            "founded": (
                "In which year was {name} founded?", "When did {name} come into being?", "Since when has {name} existed?",
                "How far back does {name} go, to which year?", "How far back does {name} go?", "When was {name} established?",
                "Give the founding year of {name}.", "In what year did {name} start up?",
            ),
            "product": (
                "What does {name} make?", "Which goods does {name} produce?", "What would you buy from {name}?",
                "What is the product of {name}?", "For what goods is {name} known?", "What comes out of the factory of {name}?",
                "{name} is a manufacturer of what?",
            ),
            "staff": (
                "How many people work for {name}?", "How big is the workforce of {name}?",
                "How many workers are on the books of {name}?", "How many employees does {name} have?",
                "How many are employed at {name}?", "What is the headcount at {name}?",
            ),
            "revenue": (
                "What was the turnover of {name}?", "How much money did {name} take in the year?",
                "What were the annual sales of {name} worth?", "How large was the revenue of {name}?",
                "What sum did {name} earn from sales last year?", "How high was the yearly income of {name}?",
            ),
            "acquired": (
                "Which business did {name} buy?", "What other company was taken over by {name}?",
                "Whom did {name} swallow?", "Which firm did {name} acquire?", "What is the name of the firm that {name} purchased?",
                "Of which rival did {name} gain control?",
            ),
            "trouble": (
                "What harmed the profits of {name}?", "Why did {name} have a bad stretch?",
                "What did {name} blame for its disappointing figures?", "What hurt results at {name}?",
                "To what does {name} put down its weak earnings?", "What setback did {name} suffer?",
                "Why were earnings at {name} lower than hoped?",
            ),
        },
        aliases=("the company", "the firm", "the business", "the manufacturer"),
        titles=(
            "{name}: a mixed year", "Results at {name}", "Boardroom notes: {name}", "{name} reports",
            "What next for {name}?", "{name}, maker of {product}", "Letter from {seat}", "Business brief: {name}",
        ),
    ),
    Kind(
        name="match",
        genre="sports report",
        subject=of_town("{} Rovers", "{} Wanderers", "{} Harriers", "{} Rangers", "{} Corinthians", "{} Swifts", "{} Mariners"),
        fields={
            "opponent": of_town("{} Albion", "{} Town", "{} Athletic", "{} Thistle", "{} United", "{} Argyle"),
            "score": _score,
            "scorer": person(),
            "minute": _minute,
            "attendance": number(840, 31200),
            "coach": person(),
            "venue": of_surname("{} Park", "{} Lane", "{} Road", "the {} Ground", "{} Meadow"),
            "injury": choice(*INJURIES),
            "kit": KITS,
        },
        openings=(
            "{name} are through, and nobody who saw them beat {opponent} will argue.",
            "It finished {score} to {name}, and the church bells were rung for an hour.",
            "The {attendance} who paid to watch {name} on Saturday had their money's worth.",
            "An early roar told the town that {scorer} had put {name} ahead of {opponent} with the first goal.",
            "On a pitch like a ploughed field, {name} won a cup tie they will talk about for years.",
            "Rain, mud, a dog on the grass: {name} needed all their patience at {venue}.",
            "{coach} has coached {name} for only six weeks, and already there is a trophy to polish.",
            "{name} won {score} at {venue}.",
        ),
        statements=(
            "The opening goal was a thing of beauty: {scorer} chested the ball down and drove it in off the post.",
            "{opponent} were beaten, but they were never ashamed.",
            "The first goal arrived in the {minute}, when half the crowd had turned to watch a kite.",
            "{scorer} opened the scoring in the {minute}.",
            "Their captain watched in an overcoat from the stand, prevented from playing by {injury}.",
            "In {kit} shirts a size too large, {short} looked like boys who had borrowed from their brothers.",
            "Official attendance: {attendance}.",
            "At {venue} there were {attendance} spectators, and most went home hoarse.",
            "\"I told them to enjoy it,\" said {coach}, the coach, \"and for once they listened.\"",
            "The match had been moved to {venue} because the usual ground was under water.",
            "The result, {score}, might have been different had the losers not struck the bar twice.",
            "The coach, {coach}, sent the side out in {kit}, and {opponent} never got hold of the ball.",
            "The final score, {score}, flattered nobody.",
            "Against {opponent}, who had not lost since Easter, {short} were given little chance by the bookmakers.",
            "The turnstiles counted {attendance}, the best gate of the year.",
            "Without their captain, absent because of {injury}, {short} still won {score}.",
            "Asked about that first goal, {scorer} shrugged and said the wind had done most of the work.",
            "There was little to separate the teams until the {minute}, in which, at last, the ball crossed a line and"
            " somebody had scored.",
            "Supporters waved scarves of {kit}, the club colours from its earliest days.",
            "For a while {opponent} held out, but in the {minute} the first goal went in.",
            "It was {injury}, not a suspension, that kept the captain of {short} out of the game.",
            "Groundsmen at {venue}, where the tie was played, had been up since four sweeping water off the turf.",
            "Much of the credit belongs to {coach}, who trains the players on a beach three evenings a week.",
            "{short} play in {kit} and have {coach} as their coach.",
            "With ten minutes to go nobody at {venue} was sitting down, not even the man who sells the cushions.",
            "A brass band played at half-time, not well.",
            "With the captain absent on account of {injury}, an apprentice plumber of eighteen wore the armband.",
            "The crowd of {attendance} rose for {scorer}, who had scored first.",
            "Having given up their old green stripes for {kit}, {short} were at first not recognised by their own"
            " goalkeeper.",
            "When told that it had ended {score}, the club's president, aged ninety-one, asked to hear it again.",
            "As the whistle blew, three of the defeated {opponent} players sank to the turf; the fourth had gone to"
            " catch a train.",
            "The captain, kept away by {injury}, heard on the radio of the {score} win over {opponent} at {venue}.",
        ),
        questions={
            "opponent": (
                "Whom did {name} beat?", "Which team lost to {name}?", "Who were the opponents of {name}?",
                "Against which side did {name} play?", "Which club was defeated by {name}?",
                "Who came second best when {name} took the field?", "Name the team that {name} overcame.",
            ),
            "score": (
                "By what score did {name} win?", "How did the game of {name} end?", "What was the result for {name}?",
                "What was the final score in the match {name} won?", "How many goals to how many did {name} win by?",
                "Give the score of {name}' victory.",
            ),
            "scorer": (
                "Who scored the first goal in the match of {name}?", "Who opened the scoring for {name}?",
                "Which player put {name} in front?", "Whose goal was the first for {name}?",
                "Name the player who got {name} off the mark.", "Who gave {name} the lead?",
            ),
            "minute": (
                "In which minute did the first goal fall in the {name} game?", "When did {name} first score?",
                "How far into the match was the opening goal for {name}?", "At what stage of play did {name} go ahead?",
                "In what minute was the deadlock broken in the match of {name}?", "When in the game did {name} take the lead?",
            ),
            "attendance": (
                "How many people watched {name}?", "What was the attendance at the {name} match?",
                "How big was the crowd for {name}?", "How many spectators saw {name} win?",
                "How many came through the gates to see {name}?", "What size of gate did {name} draw?",
            ),
            "coach": (
                "Who coaches {name}?", "Who is the coach of {name}?", "Who trains the players of {name}?",
                "Who is in charge of the {name} team?", "Under which coach do {name} play?", "Name the {name} coach.",
            ),
            "venue": (
                "Where did {name} play the match?", "At which ground did {name} win?", "What was the venue for {name}?",
                "On whose pitch, by name, did the {name} game take place?", "Which ground staged the {name} tie?",
                "Where was the game involving {name} held?",
            ),
            "injury": (
                "Why did the captain of {name} not play?", "What kept the {name} captain out?",
                "For what reason were {name} without their captain?", "What stopped the captain of {name} from taking part?",
                "What was behind the absence of the {name} captain?", "Why was another player leading {name} out?",
            ),
            "kit": (
                "What colours do {name} wear?", "In which colours do {name} play?", "What are the colours of {name}?",
                "What do the shirts of {name} look like?", "Which two colours belong to {name}?",
                "Of what colours is the {name} strip?",
            ),
        },
        aliases=("the club", "the side", "the team"),
        titles=(
            "{name} triumph in the mud", "Match report: {name} v {opponent}", "Cup joy for {name}", "{name} win again",
            "{opponent} go out", "A famous afternoon for {name}", "Saturday's football", "{name}: the verdict",
        ),
    ),
    Kind(
        name="meeting",
        genre="minutes",
        subject=of_town(
            "{} Town Council", "{} Parish Council", "the {} Allotment Society", "the {} Horticultural Society",
            "the {} Bell-Ringers' Guild", "the {} Harbour Board", "the {} Historical Society", "the {} Village Trust",
        ),
        fields={
            "date": date(),
            "start": _hour,
            "chair": person(),
            "venue": choice(*ROOMS),
            "project": choice(*PROJECTS),
            "sum": _any_of(
                rounded(200, 9800, 50, "£{:,}"), rounded(1200, 64000, 100, "{:,} crowns"), rounded(300, 9000, 20, "{:,} guilders"),
                number(140, 2900, "{:,} euros"),
            ),
            "votes": _majority,
            "objector": person(),
            "complaint": choice(*COMPLAINTS),
        },
        openings=(
            "Minutes of the meeting of {name} held on {date} in {venue}.",
            "{name} met on {date}; apologies were received from four members.",
            "{chair} took the chair and opened the meeting of {name} at {start}.",
            "A meeting of {name} began at {start}, with {chair} in the chair.",
            "{name} met in {venue}; for those present, see the attendance sheet, which has been used to wedge the door.",
            "{name}: minutes of the ordinary meeting, taken by the secretary, who had a cold.",
            "The members of {name} began their meeting at {start} precisely, although the heating did not.",
            "{name} assembled on {date} in {venue}.",
        ),
        statements=(
            "The minutes of the previous meeting were read, corrected in two places and signed by {chair}, who presided.",
            "Resolved: that {project} be paid for out of the reserve.",
            "It was agreed to spend {sum}, the treasurer having first asked whether anyone knew a cheaper way.",
            "Approved: {project}, at a cost of {sum}.",
            "On a show of hands the motion was carried, {votes}, with no abstentions.",
            "Having opposed the motion throughout, {objector} wished it called \"a folly with a receipt attached\".",
            "Under correspondence, the secretary read out a letter complaining of {complaint}.",
            "The motion was carried by {votes}, {objector} speaking against it.",
            "Proceedings opened at {start}, the clock on the wall being, as usual, wrong.",
            "The place was {venue}, the usual hall having been let to a wedding party.",
            "After long discussion {alias} came down in favour of buying {project}.",
            "The day was {date} and the place {venue}.",
            "No more than {sum} was voted, to be paid in two instalments.",
            "Speaking against the proposal, {objector} reminded those present of the affair of the lawnmower.",
            "A complaint about {complaint} was noted, and will no doubt be noted again next month.",
            "{chair}, as chair, opened proceedings at {start}.",
            "Since snow had blocked the road on the day first fixed, {alias} took place on {date} instead.",
            "From the chair, {chair} observed that tempers were cooler than last time, and the tea better.",
            "The vote, at {votes}, was not the walkover that some had foretold.",
            "A grievance about {complaint} was heard, and {sum} was voted for {project}.",
            "It was remarked that {venue}, where {alias} was held, seats thirty, that forty had come, and that the"
            " windows do not open.",
            "Why spend money on {project}, asked one member, when the fence is falling down; the rest voted for it all the same.",
            "Any other business: a resident of the lower road complained, with photographs, of {complaint}.",
            "{objector} opposed the motion, which was passed on {date} by {votes}.",
            "\"We have {sum} to spend, and not a coin more,\" the treasurer said, and that was the amount granted.",
            "The only voice raised against the motion was that of {objector}, a member of thirty years' standing.",
            "From {start}, when {alias} began, until the last item there was no pause but one, for a moth.",
            "In {venue}, {alias} also listened to complaints of {complaint}.",
            "Those who had noted {date} as the day of the meeting came; those who had trusted the poster, which was a"
            " week out, did not.",
            "Thanks were given to the caretaker for the biscuits.",
            "The result of the vote, read twice for the benefit of the back row, was {votes} in favour.",
            "With {chair} presiding from {start}, {alias} chose to pay for {project}.",
        ),
        questions={
            "date": (
                "On what date did {name} meet?", "When was the meeting of {name} held?",
                "Which day did {name} choose for its meeting?", "On which day of the year did {name} gather?",
                "What is the date on the minutes of {name}?", "On what day did {name} come together?",
            ),
            "start": (
                "At what time did the meeting of {name} begin?", "What time did {name} start its meeting?",
                "At what hour did {name} open proceedings?", "When, by the clock, did {name} get under way?",
                "By what time should one have arrived to see {name} begin?", "What was the starting time of {name}'s meeting?",
            ),
            "chair": (
                "Who chaired the meeting of {name}?", "Who presided over {name}?", "Who was in the chair at {name}?",
                "Name the person who conducted the meeting of {name}.", "Under whose chairmanship did {name} meet?",
                "Who kept order at {name} from the chair?",
            ),
            "venue": (
                "Where did {name} meet?", "In which building or room did {name} gather?",
                "What was the venue for the meeting of {name}?", "Where were the members of {name} sitting?",
                "Which place hosted the meeting of {name}?", "Where was the meeting of {name} held?",
            ),
            "project": (
                "What did {name} decide to pay for?", "What purchase was approved by {name}?",
                "On what will {name} spend its money?", "What will {name} be buying?",
                "What was the object of the motion passed by {name}?", "What did {name} vote to get?",
            ),
            "sum": (
                "How much did {name} agree to spend?", "What sum was granted by {name}?",
                "How much money did {name} vote?", "What amount did {name} allow for the purchase?",
                "What is the outlay that {name} accepted?", "What will the decision of {name} cost?",
            ),
            "votes": (
                "How did the vote at {name} go?", "What were the figures in the vote of {name}?",
                "By how many votes to how many did {name} pass the motion?", "What was the tally when {name} voted?",
                "What was the count for and against at {name}?", "By what majority did {name} decide?",
            ),
            "objector": (
                "Who opposed the motion at {name}?", "Which member of {name} was against the proposal?",
                "Who objected at the meeting of {name}?", "Who disagreed with the plan before {name}?",
                "Who at {name} argued for a rejection?", "Name the opponent of the scheme at {name}.",
            ),
            "complaint": (
                "What complaint reached {name}?", "What did someone complain to {name} about?",
                "What nuisance was brought to the notice of {name}?", "What was the trouble reported to {name}?",
                "Which annoyance was raised at the meeting of {name}?", "About what had {name} received a complaint?",
            ),
        },
        aliases=("the meeting", "the assembly", "the gathering"),
        titles=(
            "{name}: minutes", "Minutes of {name}", "Record of proceedings, {name}", "{name}, {date}",
            "Draft minutes for approval", "Secretary's notes: {name}", "{name}: business transacted", "{name} meets",
        ),
    ),
    Kind(
        name="strike",
        genre="newspaper report",
        subject=of_town(
            "the {} tram strike", "the {} dock strike", "the {} cannery strike", "the {} bakers' strike",
            "the {} printers' strike", "the {} miners' strike", "the {} glassworkers' strike", "the {} shipyard strike",
        ),
        fields={
            "leader": person(),
            "employer": firm("{}", "{} & Company", "{} Brothers", "{} Works", "{} Limited"),
            "cause": choice(*GRIEVANCES),
            "duration": pair(
                ("nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "nineteen"),
                ("days", "weeks"),
            ),
            "strikers": number(140, 8600),
            "mediator": person(),
            "began": date(),
            "settlement": choice(*SETTLEMENTS),
            "soup": choice(*MEALS),
        },
        openings=(
            "{name} began on {began}, when the morning shift put down its tools and walked into the street.",
            "{name} ended last night after {duration}.",
            "What started as a grumble over {cause} turned into {name}.",
            "{name}, led by {leader}, brought out {strikers} workers.",
            "The men and women of {name} all worked for one employer, {employer}, and most had known no other.",
            "Singing could be heard across the rooftops as {name} was declared over.",
            "The picket lines of {name} came down at noon, and {strikers} strikers made ready to go back.",
            "The quarrel behind {name} was over {cause}.",
        ),
        statements=(
            "At the head of the strikers stood {leader}, a crane driver with a voice that needed no megaphone.",
            "{employer}, which employs them all, declined to comment beyond a two-line notice on the gate.",
            "Not wages but {cause} had driven them out, the union insists.",
            "Workers at {employer} walked out on {began} in protest at {cause}.",
            "For {duration} no whistle blew and no chimney smoked.",
            "Union figures put the number on strike at {strikers}; the police counted fewer but did not say how many.",
            "The deadlock was broken by {mediator}, a retired judge, who locked both parties in a hotel dining room.",
            "After {duration}, {mediator} brokered a peace that gave the workers {settlement}.",
            "In the end the workers won {settlement}, and not much besides.",
            "Volunteers ladled out {soup} from a tent, first to the strikers' children and then to the pickets.",
            "\"We will be back if we have to,\" said {leader}, who organised {alias}.",
            "{leader} led the {strikers} strikers, whose daily meal was {soup}.",
            "The first pickets appeared at dawn on {began}.",
            "Trouble had been brewing ever since the row about {cause} began, and one foreman's joke was enough to tip"
            " it over.",
            "While {alias} lasted, managers at {employer}, the firm concerned, slept on camp beds in their offices.",
            "{alias} lasted {duration} and cost {employer}, the employer, a fortune.",
            "Both sides praised {mediator}, the mediator, for patience and for an endless supply of peppermints.",
            "The agreement, signed on the back of a menu, grants the workforce {settlement}.",
            "Those who were there remember the smell of {soup}, which was served to the strikers every day.",
            "It was on {began} that {strikers} people downed tools.",
            "From the boiler room to the typing pool, {strikers} men and women were out.",
            "It was on {began}, rather than at Whitsun as the ballads have it, that {alias} started.",
            "A clergyman had tried to make peace between the parties and failed; {mediator} tried next and succeeded.",
            "The union's leader, {leader}, settled for {settlement}.",
            "Shops near the gates gave credit and asked no questions.",
            "Nobody had expected {alias} to go on for {duration}, least of all the bank.",
            "The directors of {employer} had called their striking workers ungrateful; they now call them colleagues.",
            "The cause of {alias} was {cause}; the mediator was {mediator}.",
            "Some had hoped for a share of the profits, but what the strikers got was {settlement}.",
            "When it was over {leader}, the strikers' leader, was carried home on a door.",
            "A cook from the fish market kept the strikers fed, at no charge, with {soup}.",
            "Fed on {soup} throughout, the strikers returned to {employer} on the promise of {settlement}.",
        ),
        questions={
            "leader": (
                "Who led {name}?", "Who was the leader of the workers in {name}?", "Who organised {name}?",
                "Name the head of the strikers in {name}.", "Whose leadership did the workers follow in {name}?",
                "Which person spoke for the strikers in {name}?",
            ),
            "employer": (
                "Which company was hit by {name}?", "Against which employer was {name} directed?",
                "For whom did the workers in {name} work?", "Which firm employed the people who took part in {name}?",
                "What was the business at the centre of {name}?", "Whose workforce carried out {name}?",
            ),
            "cause": (
                "What caused {name}?", "Over what did {name} break out?", "What was {name} about?",
                "What was the grievance behind {name}?", "Why did people walk out in {name}?",
                "What were the workers in {name} angry about?", "For what reason was {name} called?",
                "What set off {name}?",
            ),
            "duration": (
                "How long did {name} last?", "For how long did {name} go on?", "What was the length of {name}?",
                "How much time passed before {name} was over?", "After how long did {name} end?",
                "Over what span of time did {name} drag on?",
            ),
            "strikers": (
                "How many people took part in {name}?", "How many workers joined {name}?",
                "What was the number of strikers in {name}?", "How many were on strike during {name}?",
                "How large was the body of workers behind {name}?", "How many hands were idle in {name}?",
            ),
            "mediator": (
                "Who mediated in {name}?", "Who made peace in {name}?", "Which go-between ended {name}?",
                "Who got the two sides of {name} to agree?", "By whom was the settlement of {name} arranged?",
                "Name the mediator in {name}.",
            ),
            "began": (
                "On what date did {name} begin?", "When did {name} start?", "What was the first day of {name}?",
                "On which day did {name} break out?", "Give the date on which {name} began.", "Since what day had {name} been on?",
            ),
            "settlement": (
                "What did the workers gain from {name}?", "What concession ended {name}?",
                "What did the strikers win in {name}?", "What was granted to the workforce at the end of {name}?",
                "On what terms was {name} settled?", "What did {name} achieve for the workers?",
            ),
            "soup": (
                "What did the strikers eat during {name}?", "What food was served in {name}?",
                "Which dish kept people going in {name}?", "On what were the pickets of {name} fed?",
                "What meal was handed out in {name}?", "What was on the menu for the workers in {name}?",
            ),
        },
        aliases=("the strike", "the dispute", "the walkout", "the stoppage"),
        titles=(
            "{name}: how it was settled", "Gates reopen", "Peace at {employer}", "{name}", "After {name}",
            "\"We will be back\"", "{employer} and its workers", "Looking back on {name}",
        ),
    ),
    Kind(
        name="school",
        genre="annual report",
        subject=of_town(
            "{} Grammar School", "{} High School", "the {} Academy", "{} Primary School", "the {} School of Crafts",
            "the {} Free School", "{} Harbour School",
        ),
        fields={
            "head": person(),
            "pupils": number(84, 1480),
            "benefactor": person(),
            "gift": choice(*GIFTS),
            "trip": town(),
            "closure": choice(*CLOSURES),
            "champion": person(),
            "subject": choice(*LESSONS),
            "raised": _any_of(
                number(310, 9400, "£{:,}"), rounded(1500, 48000, 50, "{:,} crowns"), number(420, 7800, "{:,} dollars"),
            ),
        },
        openings=(
            "This has been a good year for {name}, and a tiring one.",
            "{name} closes the year with {pupils} pupils on the roll.",
            "As head of {name}, {head} signs this report with a light heart and a new pen.",
            "{name}, whose head is {head}, has {pupils} pupils.",
            "The governors of {name} are pleased to report that {benefactor} has given us {gift}.",
            "Visitors to {name} this summer will have found the corridors smelling of fresh paint.",
            "For some days in November {name} had to close, on account of {closure}.",
            "{name} has begun to teach {subject}.",
        ),
        statements=(
            "Our head, {head}, taught two lessons a day throughout the year and missed none.",
            "Numbers on the roll rose again, to {pupils}, so that lunch is now eaten in three sittings.",
            "We owe {gift} to the generosity of {benefactor}, who left us long ago without a single certificate.",
            "{benefactor} presented {alias} with {gift}.",
            "The summer outing took the older classes to {trip}, where it rained, and where all were happy.",
            "Lessons had to be suspended because of {closure}; the pupils bore it bravely.",
            "In the county chess championship the title went to our own {champion}, the youngest entrant by far.",
            "Although {closure} shut {alias} for a time, {champion} trained on and won the county chess title.",
            "For the first time {subject} is on the timetable, taught for the present in the old cloakroom.",
            "The summer fair raised {raised}, all of it for the roof.",
            "Parents who feared that the new lessons in {subject} would crowd out arithmetic have been asked to come and"
            " see for themselves.",
            "A fair brought in {raised}, and a trip to {trip} was enjoyed by all.",
            "\"Noise is the sound of a school at work,\" {head} told the parents on being appointed head.",
            "Among the presents received this year, by far the finest is {gift}.",
            "Nobody gave a twelve-year-old much hope in the county chess final, yet {champion} won it in nineteen moves.",
            "Head teacher {head} introduced lessons in {subject}.",
            "Of the {pupils} children enrolled, more than half come by bicycle.",
            "Not Rome, as the older pupils had hoped, but {trip} was where the school trip went.",
            "Stalls, raffle and cake table together made {raised} at the fair.",
            "There are {pupils} pupils at present, and their fair earned {raised}.",
            "A loss of teaching days, owed to {closure}, was made up on Saturdays.",
            "A plaque in the hall thanks {benefactor}, our benefactor, in letters large enough to be read from the road.",
            "Thanks to a kind donor, {alias} now possesses {gift}, under lock and key except on Thursdays.",
            "The school trip went to {trip}, and the county chess title to {champion}.",
            "The caretaker retired after forty years and was given a chair.",
            "Asked for the highlight of the year, the youngest class voted for its journey to {trip}.",
            "The gates stayed shut on several mornings, and the reason was {closure}.",
            "Closed for some days by {closure}, {alias} was cheered by {gift}, the present of {benefactor}.",
            "Once the bills for the fair had been paid, {raised} remained for {alias} to spend.",
            "Of the novelties on the timetable, {subject} has the longest waiting list.",
            "It was {benefactor} who opened a chequebook for us when the governors had almost given up hope of a donor.",
            "The head is {head}, and {subject} is now taught to all {pupils} pupils.",
        ),
        questions={
            "head": (
                "Who is head of {name}?", "Who runs {name}?", "Which head teacher leads {name}?",
                "What is the name of the head at {name}?", "Who is in charge of the staff at {name}?",
                "Under whose headship is {name}?",
            ),
            "pupils": (
                "How many pupils does {name} have?", "How many children attend {name}?", "How large is the roll of {name}?",
                "What is the number of pupils at {name}?", "How many young people are taught at {name}?",
                "How many are enrolled at {name}?",
            ),
            "benefactor": (
                "Who made a gift to {name}?", "Which donor was generous to {name}?", "Who is the benefactor of {name}?",
                "To whom does {name} owe its present?", "By whom was {name} given a present?",
                "Whose generosity helped {name}?",
            ),
            "gift": (
                "What was {name} given?", "Which present did {name} receive?", "What did a donor give {name}?",
                "What gift came to {name}?", "What does {name} now own thanks to a benefactor?",
                "What was donated to {name}?",
            ),
            "trip": (
                "Where did the pupils of {name} travel?", "Which town did {name} visit?",
                "What was the destination of the outing from {name}?", "Where did {name} go on its school trip?",
                "To which place did classes from {name} make a journey?", "Where did {name} take its children for the trip?",
            ),
            "closure": (
                "Why did {name} have to close?", "What kept {name} shut?", "Why were lessons called off at {name}?",
                "What forced {name} to shut its doors?", "For what reason was {name} closed for a while?",
                "What cost {name} several days of teaching?",
            ),
            "champion": (
                "Who from {name} won the chess championship?", "Which pupil of {name} is county chess champion?",
                "Who brought the chess title home to {name}?", "Which chess player at {name} took the title?",
                "Name the chess champion who attends {name}.", "Which of the children at {name} shone at chess?",
            ),
            "subject": (
                "What new subject is taught at {name}?", "What was added to the timetable of {name}?",
                "Which lessons are new at {name}?", "What can pupils now learn at {name}?",
                "In what field has {name} begun to offer classes?", "What has {name} taken into its curriculum?",
            ),
            "raised": (
                "How much did the fair at {name} raise?", "What sum did {name} make at its fair?",
                "How much money did {name} collect at the fair?", "What did the fair bring in for {name}?",
                "What were the proceeds of the {name} fair?", "How much was earned by the stalls at {name}?",
            ),
        },
        aliases=("the school", "our school", "this school"),
        titles=(
            "{name}: annual report", "The year at {name}", "Report of the governors of {name}", "{name}: our year",
            "Speech day at {name}", "{name} past and present", "To the parents of {name}", "{name} in review",
        ),
    ),
    Kind(
        name="expedition",
        genre="expedition log",
        subject=coined("the {} Expedition"),
        fields={
            "leader": person(),
            "ship": coined(),
            "port": town(),
            "quarry": QUARRY,
            "depth": _any_of(decimal(41, 990, "{:.1f} m"), number(60, 2400, "{:,} fathoms"), number(120, 4800, "{:,} metres")),
            "cold": _any_of(decimal(-47, -9, "{:.1f} °C"), number(11, 52, "{} degrees below zero"), number(-54, -12, "{} °C")),
            "lost": choice(*LOSSES),
            "crew": choice(*COUNTS),
            "surgeon": person(),
        },
        openings=(
            "{name} left {port} on the morning tide with a band playing and the wrong charts.",
            "News has reached us of {name}: all are well, and the {quarry} they sought has been found.",
            "Log of {name}, written up by lamplight; {leader} commanding.",
            "{name}, under {leader}, sailed from {port}.",
            "The aim of {name} was simple to state and hard to reach: to see the {quarry} alive.",
            "Wind north-west, fog, everything wet: so begins the log of {name}.",
            "{name} set out with {crew} people aboard, not counting the cat.",
            "The {ship} was the ship that carried {name} north.",
        ),
        statements=(
            "All instruments, tents and tins were stowed aboard the {ship}, a converted herring boat.",
            "Lowest reading of the winter: {cold}.",
            "We are {crew} in number, and there are spoons for nine.",
            "The {crew} members of {alias} sailed aboard the {ship}.",
            "Day 9. Sounding at noon gave {depth}, the deepest water of the voyage.",
            "Lost overboard in the night: {lost}.",
            "{surgeon}, our doctor, has pulled two teeth and set one wrist, and is running short of brandy.",
            "Doctor {surgeon} treated frostbite when the thermometer fell to its lowest, {cold}.",
            "The orders are signed by {leader}, who leads {alias} and does not care to be asked why.",
            "A boy counting gulls was the first to see the {quarry}, the creature we had come so far for.",
            "Fresh bread was taken on at {port}, the port of departure, and made to last eleven days.",
            "Having put out from {port}, {alias} at last observed the {quarry}.",
            "The ice took {lost} from us and gave nothing back.",
            "The plumb line ran out to {depth} before it touched mud, farther down than anyone had wagered.",
            "It has not thawed for a month, and on the worst night the mercury sank to {cold}.",
            "Deepest sounding {depth}; lowest temperature {cold}.",
            "\"Turn back? I have only just learned everybody's name,\" said {leader}, the head of {alias}.",
            "Of the {crew} who took part, three were botanists, and one of those was seasick in harbour.",
            "Without {lost}, which we lost through a crack in the floe, the work has been slower.",
            "{leader}, the leader, reported the loss of {lost}.",
            "Our vessel, the {ship}, leaks at the bow and rolls like a barrel, yet nobody would change her for another.",
            "The press office confirms that {alias} was looking for the {quarry}, and not, as was rumoured, for gold.",
            "The medicine chest is in the care of {surgeon}, a physician who began as a vet.",
            "{surgeon} was the doctor aboard the {ship}.",
            "It was from {port}, and not from the capital, that {alias} put to sea.",
            "Nothing to report today except soup.",
            "Thanks to a new winch, bottom was reached at {depth}, a record for this coast.",
            "In all, {crew} people went in search of the {quarry}, led by {leader}.",
            "Everyone had been warned of blizzards, but {cold}, the coldest we met, came under a clear sky.",
            "No one was hurt, apart from a bruise that {surgeon}, the doctor, called picturesque.",
            "Letters for home will be sent back to {port}, where our voyage started.",
            "From {port} to the ice nothing was lost but {lost}, and soundings reached {depth}.",
        ),
        questions={
            "leader": (
                "Who led {name}?", "Under whose command was {name}?", "Who was in charge of {name}?",
                "Which person was at the head of {name}?", "Name the leader of {name}.", "Whose orders were followed on {name}?",
            ),
            "ship": (
                "In which ship did {name} travel?", "What was the vessel of {name} called?", "What ship carried {name}?",
                "What was the name of the boat used by {name}?", "On board what ship was {name}?",
                "Which vessel served {name}?",
            ),
            "port": (
                "From where did {name} set sail?", "Which port did {name} leave from?", "Where did {name} begin its voyage?",
                "What was the starting point of {name}?", "Out of which harbour town did {name} sail?",
                "In what town did the journey of {name} start?",
            ),
            "quarry": (
                "Which animal was {name} looking for?", "What creature did {name} seek?", "What did {name} hope to see?",
                "For the sake of which animal was {name} sent out?", "Which species was the goal of {name}?",
                "What was {name} in search of?",
            ),
            "depth": (
                "How deep was the water that {name} measured?", "What was the greatest depth found by {name}?",
                "How far down did the line of {name} go?", "What was the deepest sounding made by {name}?",
                "What depth did {name} record?", "At what depth did {name} touch bottom?",
            ),
            "cold": (
                "What was the lowest temperature met by {name}?", "How cold did it get for {name}?",
                "What did the thermometer of {name} show at its lowest?", "How far did the temperature drop on {name}?",
                "What degree of cold did {name} record?", "What was the coldest reading of {name}?",
            ),
            "lost": (
                "What did {name} lose?", "Which piece of equipment was lost on {name}?", "What went missing from {name}?",
                "What item did not come home with {name}?", "Of what was {name} deprived by ice or sea?",
                "What loss did {name} suffer?",
            ),
            "crew": (
                "How many people took part in {name}?", "How many members did {name} have?",
                "Of how many people did {name} consist?", "How large was the party on {name}?",
                "How many went along on {name}?", "What was the strength of {name} in people?",
            ),
            "surgeon": (
                "Who was the doctor of {name}?", "Who looked after the sick on {name}?",
                "Which physician went with {name}?", "Who provided medical care on {name}?",
                "To whom did an injured member of {name} turn?", "Name the medical officer of {name}.",
            ),
        },
        aliases=("the expedition", "the party", "the mission"),
        titles=(
            "{name}: from the log", "With the {ship}", "In search of the {quarry}", "{name}", "Press notice: {name}",
            "North with {name}", "Aboard the {ship}", "{name} returns",
        ),
    ),
)  # fmt: skip
