using System.CommandLine;
using System.Globalization;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Commands;

/// <summary><c>nixfuse-server token create|list|revoke</c></summary>
internal static class TokenCommand
{
    /// <summary>Characters of a label at most.</summary>
    private const int LabelLengthMax = 200;

    private static readonly (string Name, AccessRights Rights)[] Levels =
    [
        ("read", AccessRights.Read),
        ("write", AccessRights.Read | AccessRights.Write),
        ("build", AccessRights.Read | AccessRights.Write | AccessRights.Build),
        ("admin", AccessRights.Read | AccessRights.Write | AccessRights.Build | AccessRights.Administer),
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
        var rights = new Option<string>("--rights") { Description = "read, write (includes read), build (also builds what other hosts want) or admin (includes all)", Required = true, HelpName = "LEVEL" };
        var label = new Option<string>("--label") { Description = "What the list calls the token", HelpName = "TEXT", DefaultValueFactory = _ => "" };
        var expires = new Option<string?>("--expires") { Description = "How long it is good, such as 12h, 90d or 1y (default: until it is revoked)", HelpName = "TIME" };
        var asJson = JsonOutput.CreateOption();
        var storage = new StorageArguments();
        var command = new Command("create", "Make a token and print it; it cannot be shown again") { store, all, rights, label, expires, asJson };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            var names = parsed.GetValue(store) ?? [];
            if ((names.Length > 0) == parsed.GetValue(all))
            {
                throw new FormatException("say which stores the token is for: --store NAME, or --all-stores");
            }

            var level = ParseLevel(parsed.GetValue(rights)!);
            var text = ParseLabel(parsed.GetValue(label)!);
            long? end = parsed.GetValue(expires) is { } time ? DateTimeOffset.UtcNow.Add(Duration.Parse("--expires", time)).ToUnixTimeSeconds() : null;
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
                    var record = await metadata.CreateTokenAsync(
                        new NewToken(TokenText.Hash(token), text, everywhere, byStore) { Expires = end }, cancellation).ConfigureAwait(false);
                    await (parsed.GetValue(asJson)
                        ? JsonOutput.WriteAsync(output, json =>
                        {
                            json.WriteNumber("id", record.Id);
                            json.WriteString("token", token);
                            json.WriteTime("expires", record.Expires);
                        })
                        : output.WriteLineAsync(token)).ConfigureAwait(false);
                },
                cancellation);
        });
        return command;
    }

    private static Command CreateList(TextWriter output)
    {
        var asJson = JsonOutput.CreateOption();
        var storage = new StorageArguments();
        var command = new Command("list", "List tokens, oldest first: number, state, rights, creation, last use (to the hour), expiry, label") { asJson };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) => storage.UseMetadataAsync(
            parsed,
            async metadata =>
            {
                var stores = (await metadata.ListStoresAsync(cancellation).ConfigureAwait(false)).ToDictionary(store => store.Id, store => store.Name);
                var tokens = await metadata.ListTokensAsync(cancellation).ConfigureAwait(false);
                if (parsed.GetValue(asJson))
                {
                    await JsonOutput.WriteAsync(output, json => json.WriteArray("tokens", tokens, token =>
                    {
                        json.WriteStartObject();
                        json.WriteNumber("id", token.Id);
                        json.WriteString("state", StateOf(token));
                        json.WriteStartObject("rights");
                        foreach (var (store, level) in RightsOf(token, stores))
                        {
                            json.WriteString(store, level);
                        }

                        json.WriteEndObject();
                        json.WriteTime("created", token.Created);
                        json.WriteTime("lastUsed", token.LastUsed);
                        json.WriteTime("expires", token.Expires);
                        json.WriteTime("revoked", token.Revoked);
                        json.WriteString("label", token.Label);
                        json.WriteEndObject();
                    })).ConfigureAwait(false);
                    return;
                }

                foreach (var token in tokens)
                {
                    await output.WriteLineAsync(Describe(token, stores)).ConfigureAwait(false);
                }
            },
            cancellation));
        return command;
    }

    private static Command CreateRevoke(TextWriter output)
    {
        var id = new Argument<string>("ID") { Description = "The number that the list shows" };
        var asJson = JsonOutput.CreateOption();
        var storage = new StorageArguments();
        var command = new Command("revoke", "Revoke a token; servers notice within a second") { id, asJson };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            if (!long.TryParse(parsed.GetValue(id), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                throw new FormatException($"'{parsed.GetValue(id)}' is not the number of a token (see nixfuse-server token list)");
            }

            return storage.UseMetadataAsync(
                parsed,
                async metadata =>
                {
                    if (!await metadata.RevokeTokenAsync(number, cancellation).ConfigureAwait(false))
                    {
                        throw new ServerException($"there is no token {number}, or it was revoked before (see nixfuse-server token list)");
                    }

                    await (parsed.GetValue(asJson)
                        ? JsonOutput.WriteAsync(output, json => json.WriteNumber("revoked", number))
                        : output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"revoked token {number}"))).ConfigureAwait(false);
                },
                cancellation);
        });
        return command;
    }

    private static AccessRights ParseLevel(string text) => Levels.FirstOrDefault(level => level.Name == text) is { Name: not null } found
        ? found.Rights
        : throw new FormatException($"--rights wants read, write, build or admin, not '{text}'");

    /// <summary>A label stands in one column of one line of the list.</summary>
    private static string ParseLabel(string text) => text.Length <= LabelLengthMax && !text.Any(char.IsControl)
        ? text
        : throw new FormatException($"--label wants at most {LabelLengthMax} characters, without tabs, line ends and other control characters");

    private static string Describe(TokenRecord token, Dictionary<StoreId, string> stores)
    {
        var rights = string.Join(',', RightsOf(token, stores).Select(right => $"{right.Store}:{right.Level}"));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{token.Id}\t{StateOf(token)}\t{rights}\t{Time(token.Created)}\t{Time(token.LastUsed)}\t{Time(token.Expires)}\t{token.Label}");
    }

    private static IEnumerable<(string Store, string Level)> RightsOf(TokenRecord token, Dictionary<StoreId, string> stores)
    {
        if (token.RightsEverywhere != AccessRights.None)
        {
            yield return ("*", LevelOf(token.RightsEverywhere));
        }

        foreach (var (store, rights) in token.RightsByStore)
        {
            yield return (stores.GetValueOrDefault(store, store.ToString()), LevelOf(rights));
        }
    }

    private static string StateOf(TokenRecord token) =>
        token.Revoked is not null ? "revoked" : token.IsExpired(DateTimeOffset.UtcNow) ? "expired" : "active";

    private static string Time(long? seconds) =>
        seconds is { } known ? DateTimeOffset.FromUnixTimeSeconds(known).ToString("u", CultureInfo.InvariantCulture) : "-";

    private static string LevelOf(AccessRights rights) => Levels.Last(level => rights.HasFlag(level.Rights)).Name;
}
