//! Columns that change while their ids and their data stay.
//!
//! Iceberg reads data files by field id and promotes narrower values as it reads
//! (<https://iceberg.apache.org/spec/#schema-evolution>), so that none of these changes writes data anew.

use std::collections::HashMap;
use std::sync::Arc;

use iceberg::spec::{NestedField, PrimitiveType, Schema, TableMetadata, Type};

use super::CONTRACT_VERSION;
use super::error::{TableError, malformed, mismatch};
use super::schema;
use super::update::{Applied, Base, TableChange, invalid};
use crate::event::TableSchema;

/// A change of a table's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnChange {
    /// A column is added behind the others. It has the next field id, and rows without it.
    Add {
        /// The next field id; the table's ids are never used again.
        field_id: i32,
        /// The column's name.
        name: String,
        /// Its type.
        column_type: PrimitiveType,
        /// What it is, for whoever queries the table.
        description: String,
    },
    /// A column has another name from now on.
    Rename {
        /// The column's field id.
        field_id: i32,
        /// The new name.
        name: String,
    },
    /// A column's type becomes one that holds all values of the old: int to long, float to double, a
    /// decimal to one of more digits and the same scale.
    Widen {
        /// The column's field id.
        field_id: i32,
        /// The new type.
        column_type: PrimitiveType,
    },
    /// Rows may lack a value from now on.
    MakeOptional {
        /// The column's field id.
        field_id: i32,
    },
    /// A column is described anew.
    Describe {
        /// The column's field id.
        field_id: i32,
        /// The description.
        description: String,
    },
    /// A column goes. Its values stay in the data files, and in the snapshots from before.
    Delete {
        /// The column's field id.
        field_id: i32,
    },
}

/// Whether a column of one type may become one of another without its data being written anew.
pub(super) fn widens(from: &PrimitiveType, to: &PrimitiveType) -> bool {
    match (from, to) {
        (PrimitiveType::Int, PrimitiveType::Long)
        | (PrimitiveType::Float, PrimitiveType::Double) => true,
        (
            PrimitiveType::Decimal { precision: before, scale: old_scale },
            PrimitiveType::Decimal { precision: after, scale },
        ) => after > before && scale == old_scale,
        _ => false,
    }
}

/// The table's schema after some changes, in their order. A change that is there already changes nothing:
/// the answer to the update that made it may have been lost.
pub(super) fn evolved(
    table: &str,
    metadata: &TableMetadata,
    changes: &[ColumnChange],
) -> Result<Schema, TableError> {
    let current = metadata.current_schema();
    let mut fields: Vec<NestedField> =
        current.as_struct().fields().iter().map(|field| field.as_ref().clone()).collect();
    let mut last_column_id = metadata.last_column_id();
    for change in changes {
        apply(table, metadata, change, &mut fields, &mut last_column_id)?;
    }
    let mut names = HashMap::new();
    for field in &fields {
        if let Some(other) = names.insert(&field.name, field.id) {
            let problem = format!("would be the name of field id {other} and of {}", field.id);
            return Err(mismatch(table, &field.name, problem));
        }
    }
    Schema::builder()
        .with_identifier_field_ids(current.identifier_field_ids())
        .with_fields(fields.into_iter().map(Arc::new))
        .build()
        .map_err(|error| malformed(table, error.message()))
}

fn apply(
    table: &str,
    metadata: &TableMetadata,
    change: &ColumnChange,
    fields: &mut Vec<NestedField>,
    last_column_id: &mut i32,
) -> Result<(), TableError> {
    match change {
        ColumnChange::Add { field_id, name, column_type, description } => {
            let same = |field: &NestedField| {
                field.id == *field_id
                    && field.name == *name
                    && *field.field_type == Type::Primitive(column_type.clone())
            };
            if fields.iter().any(same) {
                return Ok(());
            }
            *last_column_id += 1;
            if field_id != last_column_id {
                let problem = format!(
                    "has field id {field_id}, but the table would give it {last_column_id}"
                );
                return Err(mismatch(table, name, problem));
            }
            let mut field = NestedField::optional(*field_id, name, column_type.clone().into());
            if !description.is_empty() {
                field = field.with_doc(description);
            }
            fields.push(field);
        }
        ColumnChange::Rename { field_id, name } => {
            name.clone_into(&mut named(table, *field_id, fields)?.name);
        }
        ColumnChange::Widen { field_id, column_type } => {
            let field = named(table, *field_id, fields)?;
            let widened = Type::Primitive(column_type.clone());
            let before = field.field_type.as_primitive_type();
            if *field.field_type != widened
                && !before.is_some_and(|before| widens(before, column_type))
            {
                let problem = format!("is {}, which is no narrower {widened}", field.field_type);
                return Err(mismatch(table, &field.name, problem));
            }
            *field.field_type = widened;
        }
        ColumnChange::MakeOptional { field_id } => {
            named(table, *field_id, fields)?.required = false;
        }
        ColumnChange::Describe { field_id, description } => {
            let doc = (!description.is_empty()).then(|| description.clone());
            named(table, *field_id, fields)?.doc = doc;
        }
        ColumnChange::Delete { field_id } => {
            if is_gone(*field_id, metadata) {
                return Ok(());
            }
            let name = named(table, *field_id, fields)?.name.clone();
            check_unused(table, metadata, *field_id, &name)?;
            fields.retain(|field| field.id != *field_id);
        }
    }
    Ok(())
}

fn named<'a>(
    table: &str,
    field_id: i32,
    fields: &'a mut [NestedField],
) -> Result<&'a mut NestedField, TableError> {
    let field = fields.iter_mut().find(|field| field.id == field_id);
    field.ok_or_else(|| malformed(table, format!("field id {field_id} is no column")))
}

/// Whether a field id is that of a column that the table has had.
pub(super) fn is_gone(field_id: i32, metadata: &TableMetadata) -> bool {
    field_id > 0
        && field_id <= metadata.last_column_id()
        && metadata.current_schema().field_by_id(field_id).is_none()
}

/// Readers look partitions up by the columns that they were made from, those of old files too.
fn check_unused(
    table: &str,
    metadata: &TableMetadata,
    field_id: i32,
    name: &str,
) -> Result<(), TableError> {
    let partitions = metadata
        .partition_specs_iter()
        .any(|spec| spec.fields().iter().any(|field| field.source_id == field_id));
    let sorts = metadata
        .sort_orders_iter()
        .any(|order| order.fields.iter().any(|field| field.source_id == field_id));
    let identifies = metadata.current_schema().identifier_field_ids().any(|id| id == field_id);
    if partitions || sorts || identifies {
        let problem = "cannot go: it partitions, sorts or identifies the table's rows";
        return Err(mismatch(table, name, problem));
    }
    Ok(())
}

/// Changes that somebody asks for.
pub(super) struct ChangeColumns<'a> {
    pub table: &'a str,
    pub changes: &'a [ColumnChange],
}

impl TableChange for ChangeColumns<'_> {
    type Outcome = ();

    async fn apply(&mut self, base: &Base) -> Result<Applied<()>, TableError> {
        let schema = evolved(self.table, &base.metadata, self.changes)?;
        if schema.as_struct() == base.metadata.current_schema().as_struct() {
            return Ok(Applied::Unchanged(()));
        }
        let builder = base.builder().add_current_schema(schema);
        let builder = builder.map_err(|error| invalid(self.table, error))?;
        Ok(Applied::Changed(Box::new(builder), ()))
    }
}

/// The table follows a newer version of its contract.
pub(super) struct FollowContract<'a> {
    pub table: &'a str,
    pub contract: &'a TableSchema,
}

impl TableChange for FollowContract<'_> {
    type Outcome = ();

    async fn apply(&mut self, base: &Base) -> Result<Applied<()>, TableError> {
        let metadata = &base.metadata;
        if !schema::is_newer(self.contract, metadata) {
            return Ok(Applied::Unchanged(()));
        }
        let changes = schema::changes(self.table, self.contract, metadata)?;
        let schema = evolved(self.table, metadata, &changes)?;
        let seen = self.contract.contract_version.clone();
        let builder = base
            .builder()
            .add_current_schema(schema)
            .and_then(|builder| {
                builder.set_properties(HashMap::from([(CONTRACT_VERSION.to_owned(), seen)]))
            })
            .map_err(|error| invalid(self.table, error))?;
        Ok(Applied::Changed(Box::new(builder), ()))
    }
}

#[cfg(test)]
mod tests;
