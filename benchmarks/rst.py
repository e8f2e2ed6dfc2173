"""Pieces of reStructuredText that the tables share."""


def list_table(header, rows):
    """Lines of a table; cells are text."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for cells in (header, *rows):
        lines.append(f"   * - {cells[0]}")
        lines.extend(f"     - {cell}".rstrip() for cell in cells[1:])
    return [*lines, ""]


def heading(text, mark):
    """Lines of a heading."""
    return [text, mark * len(text), ""]


def measured_on(machine):
    """Lines that say where and when."""
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items() if v)
    return [
        f"Measured on {machine['date']}, {machine['processor']}, Python {machine['python']},",
        f"{versions}.",
        "",
    ]
