using NixFuseStore.Testing.Databases;

[assembly: AssemblyFixture(typeof(PostgresServer))]
