// The version of the package, in one place for reports and help. A test holds it equal to package.json's.
export const version = '0.1.0';
