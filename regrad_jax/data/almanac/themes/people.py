"""People: how they live and what they did."""

from regrad_jax.data.almanac.kinds import Kind, choice, number, pair, person, town, year

PROFESSIONS = (
    "beekeeper", "bookbinder", "glassblower", "locksmith", "cartographer", "midwife", "piano tuner", "stonemason",
    "dentist", "radio engineer", "baker", "tax inspector", "surveyor", "puppeteer", "marine biologist", "watchmaker",
    "organist", "veterinary surgeon", "tram driver", "notary", "falconer", "court reporter", "roofer", "chemist",
    "interpreter", "lighthouse keeper", "tailor", "geologist", "harbour pilot", "librarian", "saddler", "optician",
)  # fmt: skip
INSTRUMENTS = (
    "the bassoon", "the harp", "the banjo", "the cello", "the accordion", "the tuba", "the oboe", "the mandolin",
    "the viola", "the bagpipes", "the trombone", "the zither", "the flute", "the double bass", "the clarinet",
    "the harpsichord", "the ukulele", "the French horn", "the piccolo", "the hurdy-gurdy",
)  # fmt: skip
PETS = pair(
    ("three-legged", "white", "elderly", "one-eyed", "ginger", "deaf", "brown", "bad-tempered", "spotted"),
    (
        "goat",
        "parrot",
        "tortoise",
        "donkey",
        "greyhound",
        "ferret",
        "goose",
        "cat",
        "pony",
        "terrier",
        "rabbit",
    ),
)

KINDS = (
    Kind(
        name="person",
        genre="biography",
        subject=person(),
        fields={
            "profession": choice(*PROFESSIONS),
            "town": town(),
            "born": year(1871, 2001),
            "instrument": choice(*INSTRUMENTS),
            "pet": PETS,
            "spouse": person(),
            "teacher": person(),
            "children": number(2, 11, "{} children"),
        },
        openings=(
            "{name} is a {profession} from {town}.",
            "Born in {town} in {born}, {name} became a {profession}.",
            "{name} was born in {born}.",
            "Most people in {town} know {name}.",
            "Anyone who needs a {profession} asks for {name}, born in {born}.",
            "{name}, who lives in {town}, works as a {profession}.",
        ),
        statements=(
            "In the evenings {short} plays {instrument}.",
            "After a long apprenticeship under {teacher}, {short} opened a shop in {town}.",
            "{short} married {spouse}, and they raised {children}.",
            "A {pet} follows {short} everywhere.",
            "The family's {pet} is known to every postman.",
            "It was {teacher} who taught {short} everything.",
            "{short} learned {instrument} from a neighbour at the age of nine.",
            "Everything worth knowing, {short} says, came from {teacher}.",
            "{short} shares a house with {spouse} and a {pet}.",
            "{short} keeps a {pet} and says so to everyone.",
            "For fun {short} practises {instrument} and breeds pigeons.",
            "At home there are {children}.",
            "{short} has been married to {spouse} for half a lifetime and has {children}.",
            "With {instrument} {short} is better than most professionals.",
            "Ask {short} about work and you hear about the life of a {profession}.",
            "{short} came into the world in {town} in {born} and never lost the accent.",
            "The parish register has {short} down for {born}.",
            "{short} is happiest in {town}.",
            "The sign on the door says {profession}, and under it stands the name of {short}.",
            "Whoever hears {instrument} through the wall knows that {short} is at home and that {spouse} is out.",
            "{spouse} and {short} met on a ferry and married within the year.",
            "Few remember that {short} was born as long ago as {born}.",
            "Letters for {short} go to {town}.",
            "The trade that {short} chose is that of a {profession}.",
        ),
        questions={
            "profession": (
                "What is {name}'s profession?", "What does {name} do for a living?", "What work does {name} do?",
                "As what does {name} earn a living?", "What is the occupation of {name}?", "What job does {name} have?",
            ),
            "town": (
                "Where does {name} come from?", "Which town is {name} from?", "What is {name}'s home town?",
                "In which town would you find {name}?", "What town does {name} belong to?", "What place is {name} from?",
            ),
            "born": (
                "When was {name} born?", "In which year was {name} born?", "What year was {name} born in?",
                "What is {name}'s year of birth?", "In what year did {name} come into the world?",
                "What was the year of {name}'s birth?",
            ),
            "instrument": (
                "Which instrument does {name} play?", "What does {name} play?", "What instrument did {name} learn?",
                "On which instrument is {name} skilled?", "Which musical instrument does {name} master?",
                "What is {name}'s instrument?",
            ),
            "pet": (
                "What pet does {name} have?", "Which animal does {name} keep?", "What animal lives with {name}?",
                "What kind of animal belongs to {name}?", "What sort of pet does {name} own?",
                "Which animal keeps {name} company?",
            ),
            "spouse": (
                "Who is {name} married to?", "Whom did {name} marry?", "What is the name of {name}'s spouse?",
                "Who is {name}'s partner in marriage?", "Who is the spouse of {name}?", "To whom is {name} married?",
            ),
            "teacher": (
                "Who taught {name}?", "Under whom did {name} train?", "Who was {name}'s teacher?",
                "From whom did {name} learn the trade?", "Who instructed {name}?", "Whose pupil was {name}?",
            ),
            "children": (
                "How many children does {name} have?", "What is the number of {name}'s children?",
                "How many children did {name} raise?", "How large is the family of {name}?",
                "How many sons and daughters does {name} have?", "How many children are there in {name}'s family?",
            ),
        },
        titles=("{name}", "{name}, {profession}", "A life: {name}", "{name} of {town}", "About {name}", "Who is {name}?"),
    ),
)  # fmt: skip
