using NixFuseStore.Testing.Databases;
using Xunit;

[assembly: AssemblyFixture(typeof(PostgresServer))]
