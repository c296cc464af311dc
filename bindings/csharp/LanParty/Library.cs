using System;
using System.Runtime.InteropServices;

namespace LanParty
{
    /// <summary>Numbers that the header defines beside its enumerations.</summary>
    internal static class Constants
    {
        internal const uint AbiVersion = 1;
        internal const uint Forever = uint.MaxValue;
    }

    /// <summary>The native library behind this assembly.</summary>
    public static class Library
    {
        private static volatile bool checkedOnce;

        /// <summary>The ABI version that this assembly was written for.</summary>
        public static int AbiVersion => (int)Constants.AbiVersion;

        /// <summary>The version of the native library that was loaded, such as "0.1.0".</summary>
        /// <exception cref="DllNotFoundException">The native library was not found.</exception>
        /// <exception cref="LanPartyException">The native library speaks another ABI version.</exception>
        public static string Version
        {
            get
            {
                EnsureLoaded();
                return Native.Text(NativeMethods.lanparty_version());
            }
        }

        /// <summary>
        /// How many native handles of all kinds exist in this process: what has been made, less what has been freed.
        /// For finding leaks.
        /// </summary>
        public static long LiveHandles
        {
            get
            {
                EnsureLoaded();
                return (long)NativeMethods.lanparty_live_handles();
            }
        }

        /// <summary>A short text for any status, unknown ones included.</summary>
        public static string Describe(LanPartyStatus status)
        {
            EnsureLoaded();
            return Native.Text(NativeMethods.lanparty_status_str((int)status));
        }

        /// <summary>
        /// Loads the native library and compares ABI versions. Everything that makes an object calls this first, so it
        /// need not be called; a launcher may, to say early that something is missing.
        /// </summary>
        /// <exception cref="DllNotFoundException">The native library was not found.</exception>
        /// <exception cref="LanPartyException">The native library speaks another ABI version.</exception>
        public static void EnsureLoaded()
        {
            // No static constructor does this: its exception would come wrapped in a TypeInitializationException, once,
            // at a place that nobody chose.
            if (checkedOnce) return;
            uint found;
            try
            {
                found = NativeMethods.lanparty_abi_version();
            }
            catch (DllNotFoundException e)
            {
                throw new DllNotFoundException(
                    "the native library 'lanparty' (liblanparty.so, lanparty.dll) was not found; put it beside the " +
                    "program, into runtimes/<rid>/native of the package, or into the loader's search path", e);
            }
            catch (EntryPointNotFoundException e)
            {
                throw new EntryPointNotFoundException(
                    "a library named 'lanparty' was found, but it is another one: it has no lanparty_abi_version", e);
            }
            CheckAbi(found);
            checkedOnce = true;
        }

        internal static void CheckAbi(uint found)
        {
            if (found == Constants.AbiVersion) return;
            throw new LanPartyException(LanPartyStatus.Unsupported, ErrorKind.Environment,
                $"the native library 'lanparty' has ABI version {found}, this assembly needs {Constants.AbiVersion}; " +
                "install the two in the same version", 0);
        }
    }
}
