"""Selection rules, one file each: which of many scored candidates are kept.

A rule is a class, a dataclass where it has parameters, with one of two methods (``dp_common.contracts.SelectionRule``):

    keys(scores, labels, uniforms) -> [n]            those with the largest keys are kept; candidates stream past
    choose(scores, labels, uniforms, keep) -> rows   looks at all scores of a group, and picks ``keep`` of its rows

``uniforms`` are one number in [0, 1) per image index, a rule's only source of chance. With ``balance=class`` each class
is a group that competes for its share by itself. A rule that chooses holds eight bytes a candidate; what it picks is
made a second time, and paid for. Its parameters are keys of whoever uses it: ``prune.rule_args.NAME=VALUE``.
"""
