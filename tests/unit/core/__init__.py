"""The core, module by module: tables of cases, and properties over random ones."""
