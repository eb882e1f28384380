"""A page is what is answered."""

from flowvisor.admin.page import Page


def test_a_page_is_text_and_all_is_well_unless_it_says_otherwise() -> None:
    page = Page("hello")
    assert (page.status, page.content_type, page.headers) == (200, "text/plain; charset=utf-8", {})
