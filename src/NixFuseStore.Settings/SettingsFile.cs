using System.Globalization;
using System.Text;
using NixFuseStore.Native.Files;
using NixFuseStore.Native.Linux;
using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace NixFuseStore.Settings;

/// <summary>
/// One settings file, read and checked as a whole: known keys, types, and that secrets in it are not readable by other users.
/// Stands on the syntax tree of the TOML parser, which knows line numbers and needs no reflection.
/// </summary>
internal sealed class SettingsFile
{
    /// <summary>A larger file is no settings file.</summary>
    private const int BytesMax = 1 << 20;

    /// <summary>All keys, of client and server: each program checks the whole file, so that a slip shows wherever it is.</summary>
    private static readonly IReadOnlyList<SettingKey> KnownKeys = [.. ClientSettings.Keys, .. ServerSettings.Keys];

    private readonly Dictionary<SettingKey, Setting<IReadOnlyList<string>>> _values = [];

    private SettingsFile(string path) => Path = path;

    public string Path { get; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="skipUnreadable">Whether a file that this user may not read counts as none: one that holds the server's secrets is not for everyone.</param>
    /// <returns>Null where there is none.</returns>
    /// <exception cref="SettingsException">It cannot be used.</exception>
    public static SettingsFile? TryRead(string path, bool skipUnreadable)
    {
        try
        {
            if (FilePermissions.TryGet(path) is not { } found)
            {
                return null;
            }

            // A pipe would block, a directory has no text.
            if (found.Kind != FileKind.Regular)
            {
                throw new SettingsException($"{path} is not a regular file: settings are not read from it");
            }

            using var handle = File.OpenHandle(path);
            var permissions = FilePermissions.Of(handle);
            CheckOwner(path, permissions);
            return Parse(path, ReadText(path, handle), permissions);
        }
        catch (Exception e) when (skipUnreadable && (e is UnauthorizedAccessException || e is IOException { HResult: (int)Errno.EACCES }))
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SettingsException($"cannot read the settings file {path}: {e.Message}", e);
        }
    }

    /// <summary>The value of a key.</summary>
    public Setting<IReadOnlyList<string>>? Find(SettingKey key) => _values.GetValueOrDefault(key);

    private static SettingsFile Parse(string path, string text, FilePermissions permissions)
    {
        var document = SyntaxParser.Parse(text, path, validate: true);
        if (document.HasErrors)
        {
            var error = document.Diagnostics.First(message => message.Kind == DiagnosticMessageKind.Error);
            throw new SettingsException($"{Place(path, error.Span)}: this is not TOML: {OneLine(error.Message)}");
        }

        var file = new SettingsFile(path);
        file.AddAll("", document.KeyValues);
        foreach (var table in document.Tables)
        {
            var name = NameOf(table.Name);
            if (table is TableArraySyntax || !KnownKeys.Any(key => key.Table == name))
            {
                throw new SettingsException($"{Place(path, table.Span)}: there is no table [{OneLine(name)}] in a settings file (only [{ServerSettings.Table}])");
            }

            file.AddAll(name, table.Items);
        }

        file.CheckSecrets(permissions);
        return file;
    }

    private static string ReadText(string path, Microsoft.Win32.SafeHandles.SafeFileHandle handle)
    {
        var length = RandomAccess.GetLength(handle);
        if (length > BytesMax)
        {
            throw new SettingsException($"{path} has {length} bytes: a settings file has at most {BytesMax}");
        }

        using var stream = new FileStream(handle, FileAccess.Read, bufferSize: 0);
        using var reader = new StreamReader(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
        try
        {
            return reader.ReadToEnd();
        }
        catch (DecoderFallbackException e)
        {
            throw new SettingsException($"{path} is not UTF-8 text", e);
        }
    }

    /// <summary>Settings decide what is run, trusted and served: they come from root or from the user who runs the program.</summary>
    private static void CheckOwner(string path, FilePermissions permissions)
    {
        if (permissions.UserId != 0 && permissions.UserId != Libc.EffectiveUserId)
        {
            throw new SettingsException(
                $"the settings file {path} belongs to user {permissions.UserId}, not to root or to user {Libc.EffectiveUserId}, who runs this: it is not read (chown {Libc.EffectiveUserId} {path})");
        }

        if (permissions.IsWritableByOthers)
        {
            throw new SettingsException($"the settings file {path} can be written by other users: it is not read (chmod go-w {path})");
        }
    }

    private void CheckSecrets(FilePermissions permissions)
    {
        if (permissions.IsPrivate)
        {
            return;
        }

        foreach (var (key, setting) in _values)
        {
            if (key.IsSecret is { } isSecret && setting.Value.Any(isSecret))
            {
                throw new SettingsException($"{setting.Origin}: {key.Title} is a secret, and other users may read this file: it is not used (chmod 600 {Path})");
            }
        }
    }

    private void AddAll(string table, IEnumerable<KeyValueSyntax> items)
    {
        foreach (var item in items)
        {
            var name = NameOf(item.Key);
            var place = Place(Path, item.Span);
            var key = KnownKeys.FirstOrDefault(known => known.Table == table && known.Name == name) ?? throw Unknown(place, table, name);
            _values.Add(key, new Setting<IReadOnlyList<string>>(ReadValue(place, key, item.Value), key.Title, place));
        }
    }

    private static SettingsException Unknown(string place, string table, string name)
    {
        var title = table.Length == 0 ? OneLine(name) : $"{OneLine(name)} in [{table}]";
        if (KnownKeys.FirstOrDefault(known => known.Name == name) is { } elsewhere)
        {
            return new SettingsException(
                $"{place}: {title} stands in the wrong place: it belongs {(elsewhere.Table.Length == 0 ? "above all tables" : $"into [{elsewhere.Table}]")}");
        }

        var near = Nearest.Find(name, KnownKeys.Where(known => known.Table == table).Select(known => known.Name));
        return new SettingsException($"{place}: there is no setting {title}{(near is null ? "" : $"; did you mean {near}?")}");
    }

    private static IReadOnlyList<string> ReadValue(string place, SettingKey key, ValueSyntax? value) => (key.Kind, value) switch
    {
        (_, StringValueSyntax { Value: { } text }) => [text],
        (SettingKind.TextList, ArraySyntax array) => [.. array.Items.Select(item =>
            item.Value is StringValueSyntax { Value: { } text } ? text : throw WrongType(Place(place[..place.LastIndexOf(':')], item.Span), key))],
        _ => throw WrongType(place, key),
    };

    private static SettingsException WrongType(string place, SettingKey key) =>
        new($"{place}: {key.Title} wants {(key.Kind == SettingKind.Text ? "a text in quotes" : "texts in quotes, [\"…\", \"…\"]")}");

    /// <summary>A key with its parts and without its quotes; a dotted one stands for itself and so is unknown.</summary>
    private static string NameOf(KeySyntax? key) => key is null ? "" : Part(key.Key) + string.Concat(key.DotKeys.Select(part => "." + Part(part.Key)));

    private static string Part(BareKeyOrStringValueSyntax? part) => part switch
    {
        StringValueSyntax text => text.Value ?? "",
        BareKeySyntax bare => bare.Key?.Text ?? "",
        _ => "",
    };

    // Lines of the parser count from 0.
    private static string Place(string path, SourceSpan span) => string.Create(CultureInfo.InvariantCulture, $"{path}:{span.Start.Line + 1}");

    private static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)).TrimEnd('.', ' ');
}
