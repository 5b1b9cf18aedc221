"""Every caption of a section computed from its definition, beside the row that it stands at."""

from collections.abc import Iterator

from gradscribe.derive.derivation.certificate.rows import Sizes, Values, gap, row_value, size
from gradscribe.derive.derivation.forms.caption.by_definition import caption_value
from gradscribe.derive.derivation.forms.caption.operation import Whole
from gradscribe.derive.derivation.forms.closed.whole_value import whole_value
from gradscribe.derive.derivation.record.section_record import Result, Section


def caption_gaps(section: Section, values: Values, sizes: Sizes) -> Iterator[tuple[Result, float]]:
    """The boxes that are claimed at these sizes and have a caption, and how far that is from the row.

    The difference is relative to the greatest entry, or the greatest sum of absolute summands in the box or a row that
    leads to it; infinite where the caption cannot be computed at all.
    """
    for box in section.results:
        if box.caption is None or any(sizes[symbol] != number for symbol, number in box.step.where):
            continue
        form = box.caption
        try:
            found = whole_value(form, values, sizes) if isinstance(form, Whole) else caption_value(form, values, sizes)
        except ValueError:  # shapes that do not fit together
            yield box, float("inf")
            continue
        # b/v - a y/u may be 0
        most = max(size(row.terms, values, sizes, apart=True) for row in box.rows)
        yield box, gap(found, row_value(box.step.terms, values, sizes), most)
