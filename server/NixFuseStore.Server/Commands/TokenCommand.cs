using System.CommandLine;
using System.Globalization;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Commands;

/// <summary><c>nixfuse-server token create|list|revoke</c></summary>
internal static class TokenCommand
{
    private static readonly (string Name, AccessRights Rights)[] Levels =
    [
        ("read", AccessRights.Read),
        ("write", AccessRights.Read | AccessRights.Write),
        ("admin", AccessRights.Read | AccessRights.Write | AccessRights.Administer),
    ];

    public static Command Create(TextWriter output) => new("token", "Make, list and revoke access tokens")
    {
        CreateCreate(output),
        CreateList(output),
        CreateRevoke(output),
    };

    private static Command CreateCreate(TextWriter output)
    {
        var store = new Option<string[]>("--store") { Description = "A store that the token is for; may be repeated", HelpName = "NAME" };
        var all = new Option<bool>("--all-stores") { Description = "The token is for every store, also for those made later" };
        var rights = new Option<string>("--rights") { Description = "read, write (includes read) or admin (includes both)", Required = true, HelpName = "LEVEL" };
        rights.AcceptOnlyFromAmong("read", "write", "admin");
        var label = new Option<string>("--label") { Description = "What the list calls the token", HelpName = "TEXT", DefaultValueFactory = _ => "" };
        var storage = new StorageArguments();
        var command = new Command("create", "Make a token and print it; it cannot be shown again") { store, all, rights, label };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            var names = parsed.GetValue(store) ?? [];
            if ((names.Length > 0) == parsed.GetValue(all))
            {
                throw new FormatException("say which stores the token is for: --store NAME, or --all-stores");
            }

            var level = Levels.Single(l => l.Name == parsed.GetValue(rights)).Rights;
            return storage.UseMetadataAsync(
                parsed,
                async metadata =>
                {
                    var byStore = new Dictionary<StoreId, AccessRights>();
                    foreach (var name in names)
                    {
                        byStore[(await StorageArguments.FindStoreAsync(metadata, name, cancellation).ConfigureAwait(false)).Id] = level;
                    }

                    var token = TokenText.Generate();
                    var everywhere = names.Length == 0 ? level : AccessRights.None;
                    await metadata.CreateTokenAsync(
                        new NewToken(TokenText.Hash(token), parsed.GetValue(label)!, everywhere, byStore), cancellation).ConfigureAwait(false);
                    await output.WriteLineAsync(token).ConfigureAwait(false);
                },
                cancellation);
        });
        return command;
    }

    private static Command CreateList(TextWriter output)
    {
        var storage = new StorageArguments();
        var command = new Command("list", "List tokens, oldest first: number, state, rights, creation, label");
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) => storage.UseMetadataAsync(
            parsed,
            async metadata =>
            {
                var stores = (await metadata.ListStoresAsync(cancellation).ConfigureAwait(false)).ToDictionary(store => store.Id, store => store.Name);
                foreach (var token in await metadata.ListTokensAsync(cancellation).ConfigureAwait(false))
                {
                    await output.WriteLineAsync(Describe(token, stores)).ConfigureAwait(false);
                }
            },
            cancellation));
        return command;
    }

    private static Command CreateRevoke(TextWriter output)
    {
        var id = new Argument<long>("ID") { Description = "The number that the list shows" };
        var storage = new StorageArguments();
        var command = new Command("revoke", "Make a token useless; servers notice within a second") { id };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) => storage.UseMetadataAsync(
            parsed,
            async metadata =>
            {
                var number = parsed.GetValue(id);
                if (!await metadata.RevokeTokenAsync(number, cancellation).ConfigureAwait(false))
                {
                    throw new ServerException($"there is no token {number}, or it was revoked before (see nixfuse-server token list)");
                }

                await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"revoked token {number}")).ConfigureAwait(false);
            },
            cancellation));
        return command;
    }

    private static string Describe(TokenRecord token, Dictionary<StoreId, string> stores)
    {
        var rights = new List<string>();
        if (token.RightsEverywhere != AccessRights.None)
        {
            rights.Add($"*:{LevelOf(token.RightsEverywhere)}");
        }

        rights.AddRange(token.RightsByStore.Select(pair => $"{stores.GetValueOrDefault(pair.Key, pair.Key.ToString())}:{LevelOf(pair.Value)}"));
        var state = token.Revoked is null ? "good" : "revoked";
        var created = DateTimeOffset.FromUnixTimeSeconds(token.Created).ToString("u", CultureInfo.InvariantCulture);
        return string.Create(CultureInfo.InvariantCulture, $"{token.Id}\t{state}\t{string.Join(',', rights)}\t{created}\t{token.Label}");
    }

    private static string LevelOf(AccessRights rights) => Levels.Last(level => rights.HasFlag(level.Rights)).Name;
}
