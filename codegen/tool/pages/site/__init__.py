"""All pages as one folder that any static host can serve: relative links, look and scripts once, a search.

contents           what has a page, and where
source_pages       the equation, the generated files and the tests of an item
document_pages     docs/*.md
play_pages         the playground
start_page         the first page, and what its search knows
frame              what pages of words have around them
build              all of these and the pages of derivations, on all cores
site_folder        the files of a site in a folder
"""
