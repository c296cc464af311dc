using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using LanParty;

/// <summary>
/// The raw layer against the text of the header: drift between them fails here and not in a user's memory.
/// </summary>
internal static class HeaderTests
{
    private const BindingFlags AllStatic = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
    private const BindingFlags AllFields = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    private static readonly Assembly Bindings = typeof(Library).Assembly;

    public static void HeaderFunctions()
    {
        Header header = Header.Read();
        MethodInfo[] methods = Bindings.GetType("LanParty.NativeMethods").GetMethods(AllStatic)
            .Where(m => m.Name.StartsWith("lanparty_")).ToArray();
        SameNames(header.Functions.Keys, methods.Select(m => m.Name), "functions");
        Check.That(header.Functions.Count > 60, $"only {header.Functions.Count} functions were found in the header");
        foreach (MethodInfo method in methods)
        {
            Header.Function function = header.Functions[method.Name];
            ParameterInfo[] parameters = method.GetParameters();
            Check.Equal(function.Parameters.Count, parameters.Length, $"{method.Name}: number of parameters");
            Check.That(Fits(function.Result, method.ReturnType), $"{method.Name}: {function.Result} as {method.ReturnType.Name}");
            for (int i = 0; i < parameters.Length; i++)
                Check.That(Fits(function.Parameters[i], parameters[i].ParameterType),
                    $"{method.Name}, parameter {i + 1}: {function.Parameters[i]} as {parameters[i].ParameterType}");
        }
    }

    public static void HeaderStructs()
    {
        Header header = Header.Read();
        Type[] types = Bindings.GetTypes().Where(t => t.IsValueType && t.Name.StartsWith("lanparty_")).ToArray();
        SameNames(header.Structs.Keys, types.Select(t => t.Name), "structs");
        foreach (Type type in types)
        {
            Header.Struct native = header.Structs[type.Name];
            Check.Equal(native.Size, Marshal.SizeOf(type), $"{type.Name}: size");
            FieldInfo[] fields = type.GetFields(AllFields);
            Check.Equal(
                string.Join(" ", native.Fields.Select(f => f.Name)), string.Join(" ", fields.Select(f => f.Name)),
                $"{type.Name}: fields");
            foreach (Header.Field field in native.Fields)
                Check.Equal(field.Offset, Marshal.OffsetOf(type, field.Name).ToInt32(), $"{type.Name}.{field.Name}: offset");
        }
    }

    public static void HeaderConstants()
    {
        Header header = Header.Read();
        var left = new HashSet<string>(header.Constants.Keys);
        Action<string, long> same = (name, found) =>
        {
            Check.That(header.Constants.ContainsKey(name), $"{name} is not in the header");
            Check.Equal(header.Constants[name], found, name);
            left.Remove(name);
        };
        Action<string, Type> sameEnum = (prefix, type) =>
        {
            foreach (object value in Enum.GetValues(type))
            {
                long number = Convert.ToInt64(value);
                bool plain = type == typeof(LanPartyStatus) && number >= 0;
                same((plain ? "LANPARTY_" : prefix) + UpperCase(value.ToString()), number);
            }
        };
        same("LANPARTY_ABI_VERSION", Library.AbiVersion);
        same("LANPARTY_FOREVER", uint.MaxValue);
        sameEnum("LANPARTY_E_", typeof(LanPartyStatus));
        sameEnum("LANPARTY_KIND_", typeof(ErrorKind));
        sameEnum("LANPARTY_ROLE_", typeof(Role));
        sameEnum("LANPARTY_PHASE_", typeof(Phase));
        sameEnum("LANPARTY_PORT_", typeof(PortKind));
        sameEnum("LANPARTY_LEVEL_", typeof(LogLevel));
        sameEnum("LANPARTY_EVENT_", typeof(EventKind));
        sameEnum("LANPARTY_REASON_", typeof(LeaveReason));
        sameEnum("LANPARTY_STAT_", typeof(Stat));
        sameEnum("LANPARTY_FLAG_", Bindings.GetType("LanParty.Flag"));

        // The version is the library's, and no text from here ends with a NUL.
        left.RemoveWhere(n => n.StartsWith("LANPARTY_VERSION_") || n == "LANPARTY_NUL_TERMINATED");
        Check.Equal("", string.Join(" ", left), "constants of the header that the assembly lacks");
        string version = string.Join(".", new[] { "MAJOR", "MINOR", "PATCH" }
            .Select(part => header.Constants["LANPARTY_VERSION_" + part].ToString()));
        Check.Equal(version, Library.Version, "version");
    }

    private static void SameNames(IEnumerable<string> header, IEnumerable<string> assembly, string what)
    {
        Check.Equal("", string.Join(" ", header.Except(assembly)), $"{what} of the header that the assembly lacks");
        Check.Equal("", string.Join(" ", assembly.Except(header)), $"{what} that the header lacks");
    }

    private static string UpperCase(string name) =>
        string.Concat(name.Select((c, i) => i > 0 && char.IsUpper(c) ? "_" + c : char.ToUpperInvariant(c).ToString()));

    /// <summary>Whether a type of C may be declared as this one here.</summary>
    private static bool Fits(string c, Type type)
    {
        c = c.Replace("struct ", "");
        switch (c)
        {
            case "void": return type == typeof(void);
            case "uint8_t": return type == typeof(byte);
            case "int32_t": case "lanparty_status": return type == typeof(int);
            case "uint32_t": return type == typeof(uint);
            case "uint64_t": return type == typeof(ulong);
            case "size_t": return type == typeof(UIntPtr);
            case "void*": return type == typeof(IntPtr);
            case "size_t*": return type == typeof(UIntPtr).MakeByRefType();
            case "int64_t*": return type == typeof(long).MakeByRefType();
            case "uint32_t*": return type == typeof(uint).MakeByRefType();
            case "uint64_t*": return type == typeof(ulong).MakeByRefType();
            case "const char*": return type == typeof(byte[]) || type == typeof(IntPtr);
            case "char*": return type == typeof(byte[]);
            case "const uint8_t*": return type == typeof(byte[]);
            case "uint8_t*": return type == typeof(byte[]) || type == typeof(byte*) || type.Name == "PinnedMemory";
            case "lanparty_log_fn": return type.Name == "LogCallback";
            case "lanparty_release_fn": return type.Name == "ReleaseCallback";
            case "lanparty_error**": return type == typeof(IntPtr).MakeByRefType();
        }
        string name = c.Replace("const ", "").TrimEnd('*');
        int stars = c.Count(ch => ch == '*');
        // A struct by pointer; frames also in memory that stays pinned.
        if (stars == 1 && type.IsPointer) return type.GetElementType().Name == name;
        if (stars == 1 && name == "lanparty_frame") return type.Name == "PinnedMemory";
        // A handle; what frees it takes the bare pointer.
        IEnumerable<string> words = name.Replace("lanparty_", "").Split('_');
        string handle = string.Concat(words.Select(w => char.ToUpperInvariant(w[0]) + w.Substring(1))) + "Handle";
        if (stars == 1) return type.Name == handle || (!c.StartsWith("const") && type == typeof(IntPtr));
        return stars == 2 && type.IsByRef && type.GetElementType().Name == handle;
    }
}
