using System.Text.RegularExpressions;
using Mono.Cecil;

namespace NixFuseStore.Architecture.Tests;

/// <summary>One use of one folder's code by another's.</summary>
/// <param name="From">Folder of the user, "." for the project's own.</param>
/// <param name="To">Folder of what is used.</param>
/// <param name="User">The type or method that uses.</param>
/// <param name="Used">The type that is used.</param>
internal sealed record FolderUse(string From, string To, string User, string Used);

/// <summary>
/// Which folder of a project uses which, out of the compiled assembly: every type that a signature, field, attribute or instruction names.
/// A type's folder is that of its file. Constants leave no trace in an assembly: a <c>using</c> of a namespace that is one folder's counts, too.
/// </summary>
internal sealed partial class ProjectCode
{
    private readonly HashSet<FolderUse> _uses = [];
    private readonly SortedSet<string> _folders = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _spread = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _folderOfType = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _sources;

    private ProjectCode(string directory) => _sources = Directory.EnumerateFiles(directory, "*.cs", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(directory, file))
        .Where(static file => !file.StartsWith("obj/", StringComparison.Ordinal) && !file.StartsWith("bin/", StringComparison.Ordinal))
        .ToDictionary(static file => file, file => File.ReadAllText(Path.Combine(directory, file)), StringComparer.Ordinal);

    /// <summary>All folders with code, "." among them if the project's own has some.</summary>
    internal IReadOnlyCollection<string> Folders => _folders;

    /// <summary>Every use of one folder by another.</summary>
    internal IReadOnlyCollection<FolderUse> Uses => _uses;

    /// <summary>Types whose parts lie in several folders, a line each.</summary>
    internal IReadOnlyCollection<string> Spread => _spread;

    /// <summary>Reads an assembly, whose symbols lie beside it, and its sources.</summary>
    /// <param name="assembly">Path of the assembly.</param>
    /// <param name="directory">The folder of its sources; types of files elsewhere are left out.</param>
    internal static ProjectCode Read(string assembly, string directory)
    {
        var code = new ProjectCode(directory);
        using var module = ModuleDefinition.ReadModule(assembly, new ReaderParameters { ReadSymbols = true });
        foreach (var type in module.Types)
        {
            code.FindPlace(type, "/" + Path.GetFileName(directory) + "/");
        }

        foreach (var type in module.Types)
        {
            if (code.FolderOf(type) is { } folder)
            {
                code.ReadType(type, folder);
            }
        }

        code.ReadUsings();
        return code;
    }

    private string? FolderOf(TypeReference type)
    {
        while (type.DeclaringType is not null)
        {
            type = type.DeclaringType;
        }

        return _folderOfType.GetValueOrDefault(type.FullName);
    }

    private void FindPlace(TypeDefinition type, string project)
    {
        // What has no statements, such as an interface, has no line in the symbols.
        var declaration = new Regex($@"\b(?:class|struct|record|interface|enum|delegate\b.*)\s+{Regex.Escape(type.Name.Split('`')[0])}\b");
        var folders = type.Methods.Concat(Nested(type).SelectMany(static nested => nested.Methods))
            .Where(static method => method.DebugInformation.HasSequencePoints)
            .Select(static method => method.DebugInformation.SequencePoints[0].Document.Url)
            .Where(url => url.Contains(project, StringComparison.Ordinal))
            .Select(url => url[(url.LastIndexOf(project, StringComparison.Ordinal) + project.Length)..])
            .Where(_sources.ContainsKey)
            .DefaultIfEmpty(_sources.FirstOrDefault(source => source.Value.Contains($"namespace {type.Namespace}", StringComparison.Ordinal) && declaration.IsMatch(source.Value)).Key)
            .OfType<string>()
            .Select(Folder)
            .Distinct()
            .ToArray();
        if (folders.Length > 1)
        {
            _spread.Add($"{type.FullName} lies in {string.Join(", ", folders)}");
        }

        if (folders.Length > 0)
        {
            _folders.UnionWith(folders);
            _folderOfType.Add(type.FullName, folders[0]);
        }
    }

    private static IEnumerable<TypeDefinition> Nested(TypeDefinition type) => type.NestedTypes.SelectMany(static nested => Nested(nested).Prepend(nested));

    private static string Folder(string file) => Path.GetDirectoryName(file) is { Length: > 0 } named ? named : ".";

    private void Add(string from, string user, TypeReference? used)
    {
        switch (used)
        {
            case null or GenericParameter:
                return;
            case GenericInstanceType generic:
                foreach (var argument in generic.GenericArguments)
                {
                    Add(from, user, argument);
                }

                break;
            case FunctionPointerType function:
                Add(from, user, function.ReturnType);
                foreach (var parameter in function.Parameters)
                {
                    Add(from, user, parameter.ParameterType);
                }

                return;
        }

        if (used is TypeSpecification specification)
        {
            Add(from, user, specification.ElementType);
            return;
        }

        // A reference into another assembly has that assembly's scope.
        if (used.Scope is ModuleDefinition or null && FolderOf(used) is { } to && to != from)
        {
            _uses.Add(new FolderUse(from, to, user, used.FullName));
        }
    }

    private void ReadType(TypeDefinition type, string folder)
    {
        Add(folder, type.FullName, type.BaseType);
        ReadAttributes(type, folder, type.FullName);
        foreach (var implemented in type.Interfaces)
        {
            Add(folder, type.FullName, implemented.InterfaceType);
        }

        ReadConstraints(type, folder, type.FullName);
        foreach (var field in type.Fields)
        {
            Add(folder, field.FullName, field.FieldType);
            ReadAttributes(field, folder, field.FullName);
        }

        foreach (var method in type.Methods)
        {
            ReadMethod(method, folder);
        }

        foreach (var nested in type.NestedTypes)
        {
            ReadType(nested, folder);
        }
    }

    private void ReadMethod(MethodDefinition method, string folder)
    {
        var name = method.FullName;
        Add(folder, name, method.ReturnType);
        ReadAttributes(method, folder, name);
        ReadConstraints(method, folder, name);
        foreach (var parameter in method.Parameters)
        {
            Add(folder, name, parameter.ParameterType);
        }

        if (!method.HasBody)
        {
            return;
        }

        foreach (var variable in method.Body.Variables)
        {
            Add(folder, name, variable.VariableType);
        }

        foreach (var handler in method.Body.ExceptionHandlers)
        {
            Add(folder, name, handler.CatchType);
        }

        foreach (var instruction in method.Body.Instructions)
        {
            switch (instruction.Operand)
            {
                case TypeReference used:
                    Add(folder, name, used);
                    break;
                case FieldReference field:
                    Add(folder, name, field.DeclaringType);
                    Add(folder, name, field.FieldType);
                    break;
                case MethodReference called:
                    Add(folder, name, called.DeclaringType);
                    Add(folder, name, called.ReturnType);
                    foreach (var argument in called is GenericInstanceMethod generic ? generic.GenericArguments : [])
                    {
                        Add(folder, name, argument);
                    }

                    break;
            }
        }
    }

    private void ReadAttributes(ICustomAttributeProvider provider, string folder, string user)
    {
        foreach (var attribute in provider.CustomAttributes)
        {
            Add(folder, user, attribute.AttributeType);
            foreach (var argument in attribute.ConstructorArguments)
            {
                Add(folder, user, argument.Value as TypeReference);
            }
        }
    }

    private void ReadConstraints(IGenericParameterProvider provider, string folder, string user)
    {
        foreach (var constraint in provider.GenericParameters.SelectMany(static parameter => parameter.Constraints))
        {
            Add(folder, user, constraint.ConstraintType);
        }
    }

    private void ReadUsings()
    {
        var namespaces = _sources
            .SelectMany(static source => NamespaceLine().Matches(source.Value).Select(match => (Name: match.Groups[1].Value, Folder: Folder(source.Key))))
            .Distinct()
            .ToLookup(static place => place.Name, static place => place.Folder, StringComparer.Ordinal);
        foreach (var (file, text) in _sources)
        {
            foreach (var name in UsingLine().Matches(text).Select(static match => match.Groups[1].Value))
            {
                if (namespaces[name].ToArray() is [var to] && to != Folder(file))
                {
                    _uses.Add(new FolderUse(Folder(file), to, file, name));
                }
            }
        }
    }

    [GeneratedRegex(@"^using (?:static )?([A-Za-z0-9_.]+);", RegexOptions.Multiline)]
    private static partial Regex UsingLine();

    [GeneratedRegex(@"^namespace ([A-Za-z0-9_.]+)", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();
}
