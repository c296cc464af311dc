# Gives lanparty::lanparty (the shared library) and, but for Windows, lanparty::static, as far as they are installed:
#
#   find_package(lanparty REQUIRED)
#   target_link_libraries(program PRIVATE lanparty::lanparty)
#
# Everything is found relative to this file, PREFIX/share/lanparty/cmake, so that the installation can be moved.

get_filename_component(_lanparty_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

set(_lanparty_folders lib lib64)
if(CMAKE_LIBRARY_ARCHITECTURE)
  list(INSERT _lanparty_folders 0 "lib/${CMAKE_LIBRARY_ARCHITECTURE}")
endif()

unset(_lanparty_include CACHE)
find_path(_lanparty_include lanparty.h PATHS "${_lanparty_prefix}/include" NO_DEFAULT_PATH)
unset(_lanparty_shared CACHE)
unset(_lanparty_import CACHE)
unset(_lanparty_static CACHE)
if(WIN32)
  # The DLL that is loaded, and what is linked: mingw's import library, or Visual Studio's.
  find_file(_lanparty_shared lanparty.dll
    PATHS "${_lanparty_prefix}" PATH_SUFFIXES bin lib NO_DEFAULT_PATH)
  find_file(_lanparty_import
    NAMES "${CMAKE_IMPORT_LIBRARY_PREFIX}lanparty${CMAKE_IMPORT_LIBRARY_SUFFIX}" liblanparty.dll.a lanparty.dll.lib
    PATHS "${_lanparty_prefix}" PATH_SUFFIXES lib bin NO_DEFAULT_PATH)
else()
  find_library(_lanparty_shared
    NAMES "${CMAKE_SHARED_LIBRARY_PREFIX}lanparty${CMAKE_SHARED_LIBRARY_SUFFIX}"
    PATHS "${_lanparty_prefix}" PATH_SUFFIXES ${_lanparty_folders} NO_DEFAULT_PATH)
  find_library(_lanparty_static
    NAMES "${CMAKE_STATIC_LIBRARY_PREFIX}lanparty${CMAKE_STATIC_LIBRARY_SUFFIX}"
    PATHS "${_lanparty_prefix}" PATH_SUFFIXES ${_lanparty_folders} NO_DEFAULT_PATH)
endif()

if(_lanparty_include AND _lanparty_shared AND NOT TARGET lanparty::lanparty)
  add_library(lanparty::lanparty SHARED IMPORTED)
  set_target_properties(lanparty::lanparty PROPERTIES
    IMPORTED_LOCATION "${_lanparty_shared}"
    INTERFACE_INCLUDE_DIRECTORIES "${_lanparty_include}")
  if(_lanparty_import)
    set_target_properties(lanparty::lanparty PROPERTIES IMPORTED_IMPLIB "${_lanparty_import}")
  endif()
  # What a program records is the name with the version in it, which a plain `cargo build` does not give.
  file(GLOB _lanparty_versioned "${_lanparty_shared}.*")
  if(NOT _lanparty_versioned AND NOT WIN32)
    set_target_properties(lanparty::lanparty PROPERTIES IMPORTED_NO_SONAME TRUE)
  endif()
  unset(_lanparty_versioned)
endif()

if(_lanparty_include AND _lanparty_static AND NOT TARGET lanparty::static)
  add_library(lanparty::static STATIC IMPORTED)
  set_target_properties(lanparty::static PROPERTIES
    IMPORTED_LOCATION "${_lanparty_static}"
    INTERFACE_INCLUDE_DIRECTORIES "${_lanparty_include}")
  if(UNIX AND NOT APPLE)
    # The same list as rustc gives, and a test compares the two.
    set_target_properties(lanparty::static PROPERTIES
      INTERFACE_LINK_LIBRARIES "gcc_s;util;rt;pthread;m;dl;c")
  endif()
endif()

if(NOT TARGET lanparty::lanparty AND NOT TARGET lanparty::static)
  set(${CMAKE_FIND_PACKAGE_NAME}_FOUND FALSE)
  set(${CMAKE_FIND_PACKAGE_NAME}_NOT_FOUND_MESSAGE
    "neither the header nor a library of lanparty lies below ${_lanparty_prefix}")
endif()

unset(_lanparty_include CACHE)
unset(_lanparty_shared CACHE)
unset(_lanparty_import CACHE)
unset(_lanparty_static CACHE)
unset(_lanparty_folders)
unset(_lanparty_prefix)
