"""What clients see: types, inputs, scalars and roots of the GraphQL schema."""
