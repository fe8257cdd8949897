//! What a contract says of what it does not know.

use super::*;

fn with(evolution: &str) -> Result<Contract, ContractError> {
    let route = "- {property: route,";
    let evolution = format!("- {{property: evolution, value: {evolution}}}\n      {route}");
    compile(&SOUND.replacen(route, &evolution, 1))
}

#[test]
fn what_is_not_said_of_evolution_has_its_default() {
    let usual = Evolution {
        tables: EvolutionMode::Evolve,
        columns: EvolutionMode::DiscardValue,
        types: EvolutionMode::Freeze,
    };
    assert_eq!(compile(SOUND).unwrap().evolution, usual);
    for (said, expected) in [
        ("{}", usual),
        ("{tables: freeze}", Evolution { tables: EvolutionMode::Freeze, ..usual }),
        ("{tables: discard_row}", Evolution { tables: EvolutionMode::DiscardRow, ..usual }),
        ("{types: evolve}", Evolution { types: EvolutionMode::Evolve, ..usual }),
    ] {
        assert_eq!(with(said).unwrap().evolution, expected, "{said}");
    }
}

#[test]
fn a_misspelt_word_of_evolution_is_not_lost() {
    for said in ["{table: freeze}", "{tables: frozen}", "{tables: }"] {
        let clause = with(said).unwrap_err().problems.remove(0).clause;
        assert_eq!(clause, "schema.orders.customProperties.evolution", "{said}");
    }
}
