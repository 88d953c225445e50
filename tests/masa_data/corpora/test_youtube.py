import pytest

from masa_data.corpora.youtube import youtube_id_in_name

IDS = {"C37R_Ix8-qs", "-abcdefghi_", "abcdefghijk"}


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("C37R_Ix8-qs", "C37R_Ix8-qs"),
        ("Signs of the week [C37R_Ix8-qs]", "C37R_Ix8-qs"),
        ("[a] b [c] [-abcdefghi_]", "-abcdefghi_"),
        ("Signs of the week-C37R_Ix8-qs", "C37R_Ix8-qs"),
        ("手语 - 1--abcdefghi_", "-abcdefghi_"),
        ("C37R_Ix8-qs.f136", "C37R_Ix8-qs"),
        ("C37R_Ix8-qs.f137-0", "C37R_Ix8-qs"),
        ("Title [abcdefghijk].f399", "abcdefghijk"),
        ("C37R_Ix8-qs.f251", ""),  # sound
        ("Title [C37R_Ix8-qs].f140-drc", ""),
        ("Title [AAAAAAAAAAA]", ""),  # of no video that is looked for
        ("00123", ""),
        ("xC37R_Ix8-qs", ""),
        ("abcdefghijkl", ""),
    ],
)
def test_the_names_that_downloaders_give(stem, expected):
    assert youtube_id_in_name(stem, IDS) == expected
