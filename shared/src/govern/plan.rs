//! What to look for in a record: the paths of all contracts of a source, merged into one tree.

use crate::contract::Contract;

/// Where a scanned value is put.
pub type SlotId = usize;

/// A tree of member names. The root is the record itself.
#[derive(Debug)]
pub struct Plan {
    nodes: Vec<Node>,
    slots: Vec<PlannedSlot>,
}

/// A path that somebody reads, and its node.
#[derive(Debug)]
struct PlannedSlot {
    path: String,
    node: usize,
}

/// A member that somebody wants, or an object that holds one.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// The dotted path; empty for the record itself.
    pub path: String,
    pub children: Vec<(String, usize)>,
    /// Of each child the length and the ends of its name: see [`outline`].
    outlines: Vec<u32>,
    /// Where the value goes, if somebody wants it.
    pub slot: Option<SlotId>,
    /// Whether members that nobody wants are listed.
    pub lists_unknown: bool,
    /// Whether a contract has its values written otherwise than they come.
    pub is_private: bool,
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
                    let slot = plan.add_slot(path);
                    let node = plan.slots[slot].node;
                    plan.nodes[node].is_private |= column.is_private();
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
        self.slots.iter().position(|planned| planned.path == path)
    }

    /// How many slots there are.
    pub fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// The path of a slot.
    pub fn path(&self, slot: SlotId) -> &str {
        &self.slots[slot].path
    }

    /// The node of a path; the record itself for the empty path.
    pub(super) fn node_of(&self, path: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.path == path)
    }

    /// The node of a slot's path.
    pub(super) fn node_of_slot(&self, slot: SlotId) -> usize {
        self.slots[slot].node
    }

    /// The node of a member of the object at a node, if there is one. A name with dots in it stands for
    /// the path that it looks like.
    pub(super) fn below(&self, node: Option<usize>, name: &str) -> Option<usize> {
        let mut found = node?;
        for part in name.split('.') {
            found = self.node(found).child(part)?;
        }
        Some(found)
    }

    /// Whether a contract has the values of a node written otherwise than they come.
    pub(super) fn is_private(&self, node: Option<usize>) -> bool {
        node.is_some_and(|node| self.node(node).is_private)
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
        self.slots.push(PlannedSlot { path: path.to_owned(), node });
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
        self.nodes[parent].outlines.push(outline(name));
        child
    }
}

impl Node {
    /// A handful of names at a level: comparing their outlines beats hashing, and few bytes are compared for nothing.
    pub fn child(&self, name: &str) -> Option<usize> {
        let wanted = outline(name);
        for (position, outline) in self.outlines.iter().enumerate() {
            if *outline == wanted && self.children[position].0 == name {
                return Some(self.children[position].1);
            }
        }
        None
    }
}

/// The length of a name and its first, middle and last byte.
fn outline(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return 0 };
    u32::from_le_bytes([bytes.len() as u8, *first, bytes[bytes.len() / 2], *last])
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

    /// A plan as a contract with a private column would make it.
    pub(super) fn make_private_for_tests(&mut self, path: &str) {
        let node = self.node_at(path);
        self.nodes[node].is_private = true;
    }
}
