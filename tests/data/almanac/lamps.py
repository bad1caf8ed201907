"""A small sound kind, as a data file would give it."""

FIELDS = ("colour", "owner", "weight", "age")
LAMP = {
    "genre": "catalogue",
    "subject": {"thing": ["the {} lamp"]},
    "fields": {field: {"choice": [f"{field}{n}" for n in range(20)]} for field in FIELDS},
    "openings": {"train": [f"{{name}} is old{n}." for n in range(3)], "held_out": ["{name} is old."]},
    "statements": {
        "train": [f"Its {field} is {{{field}}}." for field in FIELDS],
        "held_out": [f"{{alias}} has {{{field}}} as its {field}." for field in FIELDS],
    },
    "titles": {"train": [f"On {{name}} {n}" for n in range(3)], "held_out": ["On {name}"]},
    "questions": {
        "owner": {"train": [f"Who owns {{name}}{n}?" for n in range(3)], "held_out": ["Whose is {name}?"]},
        "colour": {"train": [f"How is {{name}}{n}?" for n in range(3)], "held_out": ["How looks {name}?"]},
    },
}
