using System.Text.Json.Nodes;
using NixFuseStore.Daemon.Building;
using NixFuseStore.Daemon.Protocol;
using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Realisations;
using NixFuseStore.Testing.Vectors;

namespace NixFuseStore.Daemon.Tests.Vectors;

/// <summary>Nix's values on the wire: read, compared with what Nix says that they are, and written again byte for byte.</summary>
[Trait(NixVectors.TraitName, NixVectors.Trait)]
public class WireVectorTests
{
    private static readonly StoreDirectory Directory = StoreDirectory.Default;

    /// <summary>Values of the protocol's feature "realisation-with-path-not-hash", which is not offered here.</summary>
    private const string NotOffered = "realisation-with-path-not-hash";

    /// <summary>How each value is read into JSON, and written.</summary>
    private static readonly Dictionary<string, Func<WireReader, WireWriter, ValueTask<JsonNode?>>> Kinds = new(StringComparer.Ordinal)
    {
        ["string"] = static async (reader, writer) => Text(await reader.ReadTextAsync(), writer),
        ["store-path"] = static async (reader, writer) => StorePath(await reader.ReadPathAsync(Directory), writer),
        ["optional-store-path"] = static async (reader, writer) =>
        {
            var path = await reader.ReadOptionalPathAsync(Directory);
            writer.OptionalPath(Directory, path);
            return path?.BaseName;
        },
        ["content-address"] = ContentAddressAsync,
        ["optional-content-address"] = ContentAddressAsync,
        ["drv-output"] = static async (reader, writer) => Text(await reader.ReadTextAsync(), writer),
        ["realisation"] = RealisationAsync,
        ["realisation-with-deps"] = RealisationAsync,
        ["build-mode"] = static async (reader, writer) =>
        {
            var mode = (BuildMode)await reader.ReadNumberAsync();
            Assert.True(Enum.IsDefined(mode));
            writer.Number((ulong)mode);
            return (int)mode;
        },
        ["derived-path-1.29"] = static (reader, writer) => DerivedPathAsync(reader, writer, 29),
        ["derived-path-1.30"] = static (reader, writer) => DerivedPathAsync(reader, writer, 30),
        ["optional-trusted-flag"] = static async (reader, writer) =>
        {
            ulong flag = await reader.ReadNumberAsync();
            writer.Number(flag);
            return flag switch { 0 => null, 1 => true, 2 => false, _ => throw new InvalidOperationException($"{flag}") };
        },
        ["valid-path-info-1.16"] = static async (reader, writer) =>
        {
            var info = await reader.ReadPathInfoAsync(Directory);
            writer.PathInfo(Directory, info);
            return PathInfo(info);
        },
    };

    public static TheoryData<string> Values =>
    [
        .. NixVectors.Names("common-protocol", ".bin").Concat(NixVectors.Names("worker-protocol", ".bin")).Where(static name => Kinds.ContainsKey(Path.GetFileName(name))),
    ];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Values))]
    public async Task Values_AreReadAndWritten_ByteForByte(string name)
    {
        var bytes = NixVectors.Read(name + ".bin");
        var expected = JsonNode.Parse(NixVectors.Read(name + ".json"))!.AsArray();
        var sink = new ScriptedTransport(ReadOnlyMemory<byte>.Empty);
        using var reader = new WireReader(new ScriptedTransport(bytes), 4096);
        using var writer = new WireWriter(sink);
        foreach (var value in expected)
        {
            var read = await Kinds[Path.GetFileName(name)](reader, writer);
            Assert.True(JsonNode.DeepEquals(value, read), $"{value?.ToJsonString()} was read as {read?.ToJsonString()}");
        }

        Assert.False(await reader.HasMoreAsync());
        await writer.FlushAsync();
        Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(sink.Sent));
    }

    [Theory]
    [InlineData("common-protocol/set")]
    [InlineData("common-protocol/vector")]
    [InlineData("worker-protocol/set")]
    [InlineData("worker-protocol/vector")]
    public async Task ListsOfTexts_AreReadAndWritten_ByteForByte(string name)
    {
        // Three lists of texts, and a list of such lists.
        var bytes = NixVectors.Read(name + ".bin");
        var expected = JsonNode.Parse(NixVectors.Read(name + ".json"))!.AsArray();
        var sink = new ScriptedTransport(ReadOnlyMemory<byte>.Empty);
        using var reader = new WireReader(new ScriptedTransport(bytes), 4096);
        using var writer = new WireWriter(sink);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(JsonNode.DeepEquals(expected[i], await ListAsync()));
        }

        int count = await reader.ReadCountAsync();
        writer.Number((ulong)count);
        var lists = new JsonArray();
        for (int i = 0; i < count; i++)
        {
            lists.Add(await ListAsync());
        }

        Assert.True(JsonNode.DeepEquals(expected[3], lists));
        await writer.FlushAsync();
        Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(sink.Sent));

        async Task<JsonArray> ListAsync()
        {
            var texts = await reader.ReadTextsAsync();
            writer.Texts(texts);
            return [.. texts.Select(static text => (JsonNode?)text)];
        }
    }

    [Theory]
    [InlineData("build-result-1.27", 27)]
    [InlineData("build-result-1.28", 28)]
    [InlineData("build-result-1.29", 29)]
    [InlineData("build-result-1.37", 37)]
    public async Task BuildResults_AreWritten_AsNixReadsThem(string name, int minor)
    {
        // Ours have no times: what is written is compared up to the numbers that say them, field by field.
        var bytes = NixVectors.Read($"worker-protocol/{name}.bin");
        using var reader = new WireReader(new ScriptedTransport(bytes), 4096);
        foreach (var expected in JsonNode.Parse(NixVectors.Read($"worker-protocol/{name}.json"))!.AsArray())
        {
            ulong status = await reader.ReadNumberAsync();
            string message = await reader.ReadTextAsync();
            Assert.Equal((string?)expected!["errorMsg"] ?? "", message);
            if (minor >= 29)
            {
                Assert.Equal((ulong)expected["timesBuilt"]!, await reader.ReadNumberAsync());
                Assert.Equal((bool?)expected["isNonDeterministic"] ?? false, await reader.ReadBoolAsync());
                Assert.Equal((ulong)expected["startTime"]!, await reader.ReadNumberAsync());
                Assert.Equal((ulong)expected["stopTime"]!, await reader.ReadNumberAsync());
            }

            if (minor >= 37)
            {
                Assert.Equal((long?)expected["cpuUser"], await OptionalTimeAsync(reader));
                Assert.Equal((long?)expected["cpuSystem"], await OptionalTimeAsync(reader));
            }

            var outputs = new List<Realisation>();
            if (minor >= 28)
            {
                int count = await reader.ReadCountAsync();
                for (int i = 0; i < count; i++)
                {
                    string id = await reader.ReadTextAsync();
                    var realisation = Realisation.Parse(await reader.ReadTextAsync());
                    Assert.Equal(id, realisation.Id);
                    outputs.Add(realisation);
                }
            }

            var sink = new ScriptedTransport(ReadOnlyMemory<byte>.Empty);
            using var writer = new WireWriter(sink);
            new BuildResult((BuildStatus)status, message, outputs).Write(writer, minor);
            await writer.FlushAsync();
            using var again = new WireReader(new ScriptedTransport(sink.Sent), 4096);
            Assert.Equal(status, await again.ReadNumberAsync());
            Assert.Equal(message, await again.ReadTextAsync());
        }

        Assert.False(await reader.HasMoreAsync());
    }

    [Fact]
    public void EveryFile_IsReadOrNamed()
    {
        string[] elsewhere =
        [
            "build-result-1.27", "build-result-1.28", "build-result-1.29", "build-result-1.29-compat", "build-result-1.37", "keyed-build-result-1.29",
            "client-handshake-info_1_30", "client-handshake-info_1_33", "client-handshake-info_1_35", "handshake-to-client", "set", "vector",
            "unkeyed-valid-path-info-1.15", "valid-path-info-1.15",
        ];
        var unread = NixVectors.Names("common-protocol", ".bin").Concat(NixVectors.Names("worker-protocol", ".bin"))
            .Select(static name => Path.GetFileName(name))
            .Where(name => !Kinds.ContainsKey(name) && !elsewhere.Contains(name) && !name.EndsWith(NotOffered, StringComparison.Ordinal));
        Assert.Empty(unread);
    }

    private static async Task<long?> OptionalTimeAsync(WireReader reader) => await reader.ReadNumberAsync() switch
    {
        0 => null,
        _ => (long)await reader.ReadNumberAsync(),
    };

    private static JsonNode Text(string text, WireWriter writer)
    {
        writer.Text(text);
        return text;
    }

    private static JsonNode StorePath(StorePath path, WireWriter writer)
    {
        writer.Path(Directory, path);
        return path.BaseName;
    }

    private static async ValueTask<JsonNode?> ContentAddressAsync(WireReader reader, WireWriter writer)
    {
        var address = await reader.ReadContentAddressAsync();
        writer.Text(address?.ToString());
        return address is null ? null : Json(address);
    }

    private static async ValueTask<JsonNode?> RealisationAsync(WireReader reader, WireWriter writer)
    {
        var realisation = Realisation.Parse(await reader.ReadTextAsync());
        writer.Text(realisation.Json);

        return JsonNode.Parse(realisation.Json);
    }

    private static async ValueTask<JsonNode?> DerivedPathAsync(WireReader reader, WireWriter writer, int minor)
    {
        var path = DerivedPath.Parse(Directory, await reader.ReadTextAsync(), minor);
        writer.Text(path.Text);
        return path.Outputs is null
            ? path.Path.BaseName
            : new JsonObject { ["drvPath"] = path.Path.BaseName, ["outputs"] = path.Outputs.Count == 0 ? new JsonArray("*") : [.. path.Outputs.Select(static output => (JsonNode?)output)] };
    }

    private static JsonObject Json(ContentAddress address) => new()
    {
        ["hash"] = address.Hash.ToSri(),
        ["method"] = address.Method switch { ContentAddressMethod.Text => "text", ContentAddressMethod.Flat => "flat", _ => "nar" },
    };

    private static JsonObject Signature(string text) => new() { ["keyName"] = text.Split(':')[0], ["sig"] = text.Split(':')[1] };

    private static JsonObject PathInfo(PathInfo info) => new()
    {
        ["ca"] = info.ContentAddress is { } address ? Json(address) : null,
        ["deriver"] = info.Deriver?.BaseName,
        ["narHash"] = info.NarHash.ToSri(),
        ["narSize"] = info.NarSize,
        ["path"] = info.Path.BaseName,
        ["references"] = new JsonArray([.. info.References.Select(static path => (JsonNode?)path.BaseName)]),
        ["registrationTime"] = info.RegistrationTime,
        ["signatures"] = new JsonArray([.. info.Signatures.Select(static signature => (JsonNode?)Signature(signature.ToString()))]),
        ["storeDir"] = Directory.ToString(),
        ["ultimate"] = info.Ultimate,
        ["version"] = 3,
    };
}
