//! Where in its file a clause stands.
//!
//! The structures of [`super::odcs`] keep no positions, so the file is read once more, by a parser that does.

use saphyr::{LoadableYamlNode, MarkedYaml, YamlData};

use super::problem::Problem;

/// Gives each problem the line of its clause in the text, and sorts them by it.
///
/// A clause that does not exist, such as one that is missing, has the line of the nearest element that
/// does. Of two elements of one name, the later is meant: it is the one that came to it.
pub fn locate(text: &str, problems: &mut [Problem]) {
    let documents = MarkedYaml::load_from_str(text).unwrap_or_default();
    if let Some(document) = documents.first() {
        for problem in problems.iter_mut() {
            problem.line = line_of(document, &problem.clause);
        }
    }
    problems.sort_by_key(|problem| problem.line);
}

fn line_of(document: &MarkedYaml<'_>, clause: &str) -> usize {
    let mut node = document;
    let mut line = document.span.start.line();
    let mut rest = clause;
    while let Some(step) = step(node, rest) {
        (node, line, rest) = step;
    }
    line
}

/// The child that the clause goes on with, its line and what is left of the clause.
fn step<'a, 'c>(
    node: &'a MarkedYaml<'a>,
    clause: &'c str,
) -> Option<(&'a MarkedYaml<'a>, usize, &'c str)> {
    let mut found: Option<(&MarkedYaml<'_>, usize, &str)> = None;
    let mut consider = |child: &'a MarkedYaml<'a>, line: usize, name: &str| {
        // The longest name wins, for a name may itself have a dot.
        if let Some(rest) = after(clause, name)
            && found.is_none_or(|(_, _, left)| rest.len() <= left.len())
        {
            found = Some((child, line, rest));
        }
    };
    match &node.data {
        YamlData::Mapping(mapping) => {
            for (key, value) in mapping {
                if let Some(name) = key.data.as_str() {
                    consider(value, key.span.start.line(), name);
                }
            }
        }
        YamlData::Sequence(elements) => {
            for (number, element) in elements.iter().enumerate() {
                consider(element, element.span.start.line(), &number.to_string());
                for name in ["name", "physicalName", "property"] {
                    let value = element.data.as_mapping_get(name);
                    if let Some(name) = value.and_then(|value| value.data.as_str()) {
                        consider(element, element.span.start.line(), name);
                    }
                }
            }
        }
        _ => {}
    }
    found
}

/// What is left of a clause after a name that it begins with.
fn after<'c>(clause: &'c str, name: &str) -> Option<&'c str> {
    let rest = clause.strip_prefix(name).filter(|_| !name.is_empty())?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
}
