// How the site's search orders what it finds (html_search_scorer). Sphinx counts a word in any heading alike, and puts what counts alike in the order of
// names. A reader asks for what a page is about: so its title counts most, then guides, then roles, and decisions last.
var Scorer = {
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: {0: 15, 1: 5, 2: -5},
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
  score: ([page, title, , , score]) => {
    const stemmer = new Stemmer();
    const stems = text => splitQuery(text.toLowerCase()).filter(word => !stopwords.has(word)).map(word => stemmer.stemWord(word));
    const asked = stems(new URLSearchParams(location.search).get("q") || "");
    const named = new Set(stems(title.split(" > ")[0]));
    const about = asked.length ? asked.filter(word => named.has(word)).length / asked.length : 0;
    const kind = page.startsWith("adr/") ? -4 : page.startsWith("reference/") ? -6 : page.startsWith("roles/") ? 2 : 4;
    return score + 12 * about + kind;
  },
};
