//! What to look for in a record: the paths of all contracts of a source, merged into one tree.

use crate::contract::Contract;

/// Where a scanned value is put.
pub type SlotId = usize;

/// A tree of member names. The root is the record itself.
#[derive(Debug)]
pub struct Plan {
    nodes: Vec<Node>,
    slots: Vec<String>,
}

/// A member that somebody wants, or an object that holds one.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// The dotted path; empty for the record itself.
    pub path: String,
    pub children: Vec<(String, usize)>,
    /// Where the value goes, if somebody wants it.
    pub slot: Option<SlotId>,
    /// Whether members that nobody wants are listed.
    pub lists_unknown: bool,
}

impl Plan {
    /// Merges the paths of contracts, and `extra_paths` that the router reads.
    pub fn new(contracts: &[&Contract], extra_paths: &[&str]) -> Self {
        let mut plan = Self { nodes: vec![Node::default()], slots: Vec::new() };
        for path in extra_paths {
            plan.add_slot(path);
        }
        for contract in contracts {
            for column in &contract.columns {
                for path in &column.sources {
                    plan.add_slot(path);
                }
            }
            for path in &contract.unknown_members_of {
                let node = plan.node_at(path);
                plan.nodes[node].lists_unknown = true;
            }
        }
        plan
    }

    /// The slot of a path that was planned.
    pub fn slot(&self, path: &str) -> Option<SlotId> {
        self.slots.iter().position(|planned| planned == path)
    }

    /// How many slots there are.
    pub fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// The path of a slot.
    pub fn path(&self, slot: SlotId) -> &str {
        &self.slots[slot]
    }

    /// The node of a path; the record itself for the empty path.
    pub(super) fn node_of(&self, path: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.path == path)
    }

    pub(super) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node(&self, node: usize) -> &Node {
        &self.nodes[node]
    }

    fn add_slot(&mut self, path: &str) -> SlotId {
        let node = self.node_at(path);
        if let Some(slot) = self.nodes[node].slot {
            return slot;
        }
        let slot = self.slots.len();
        self.slots.push(path.to_owned());
        self.nodes[node].slot = Some(slot);
        slot
    }

    fn node_at(&mut self, path: &str) -> usize {
        let mut node = 0;
        if path.is_empty() {
            return node;
        }
        for name in path.split('.') {
            node = self.child(node, name);
        }
        node
    }

    fn child(&mut self, parent: usize, name: &str) -> usize {
        if let Some(child) = self.nodes[parent].child(name) {
            return child;
        }
        let path = match self.nodes[parent].path.as_str() {
            "" => name.to_owned(),
            above => format!("{above}.{name}"),
        };
        let child = self.nodes.len();
        self.nodes.push(Node { path, ..Node::default() });
        self.nodes[parent].children.push((name.to_owned(), child));
        child
    }
}

impl Node {
    /// A handful of names at a level: comparing lengths and bytes beats hashing.
    pub fn child(&self, name: &str) -> Option<usize> {
        for (known, child) in &self.children {
            if known == name {
                return Some(*child);
            }
        }
        None
    }
}

#[cfg(test)]
impl Plan {
    /// A plan as contracts with `unknownMembersOf` would make it.
    pub(super) fn list_unknown_for_tests(&mut self, paths: &[&str]) {
        for path in paths {
            let node = self.node_at(path);
            self.nodes[node].lists_unknown = true;
        }
    }
}
