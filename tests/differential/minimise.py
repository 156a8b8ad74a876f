"""The smallest part of a sequence that still shows a difference: delta debugging."""


def minimise(sequence, shows, tries=120):
    """`shows(steps)` says whether the difference is still there; it is asked at most so often."""
    steps, parts = list(sequence), 2
    while len(steps) > 1 and tries > 0:
        size = -(-len(steps) // parts)
        for begin in range(0, len(steps), size):
            fewer = steps[:begin] + steps[begin + size:]
            tries -= 1
            if fewer and shows(fewer):
                steps, parts = fewer, max(parts - 1, 2)
                break
            if tries <= 0:
                break
        else:
            if size == 1:
                break
            parts = min(parts * 2, len(steps))
    return steps
