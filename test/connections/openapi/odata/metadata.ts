/** An order service as SAP Gateway describes one: ETags, sets that only read, functions (OData 2.0). */
export const SAP = `<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" xmlns:sap="http://www.sap.com/Protocols/SAPData">
 <edmx:DataServices m:DataServiceVersion="2.0">
  <Schema Namespace="API_ORDER" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">
   <EntityType Name="OrderType" sap:label="Sales order">
    <Key><PropertyRef Name="Order"/></Key>
    <Property Name="Order" Type="Edm.String" Nullable="false" MaxLength="20"/>
    <Property Name="Customer" Type="Edm.String" MaxLength="80"/>
    <Property Name="Net" Type="Edm.Decimal"/>
    <Property Name="CreatedBy" Type="Edm.String" sap:creatable="false" sap:updatable="false"/>
    <Property Name="Changed" Type="Edm.DateTime" ConcurrencyMode="Fixed" sap:creatable="false" sap:updatable="false"/>
    <NavigationProperty Name="to_Item" Relationship="API_ORDER.r" FromRole="a" ToRole="b"/>
   </EntityType>
   <EntityType Name="ItemType">
    <Key><PropertyRef Name="Order"/><PropertyRef Name="Item"/><PropertyRef Name="Id"/></Key>
    <Property Name="Order" Type="Edm.String"/><Property Name="Item" Type="Edm.Int32"/><Property Name="Id" Type="Edm.Guid"/>
    <Property Name="Text" Type="Edm.String"/>
   </EntityType>
   <EntityType Name="ContactType">
    <Key><PropertyRef Name="Email"/></Key>
    <Property Name="Email" Type="Edm.String"/><Property Name="Name" Type="Edm.String"/>
   </EntityType>
   <EntityContainer Name="c" m:IsDefaultEntityContainer="true">
    <EntitySet Name="A_Order" EntityType="API_ORDER.OrderType"/>
    <EntitySet Name="A_Item" EntityType="API_ORDER.ItemType" sap:creatable="false" sap:updatable="false" sap:deletable="false"/>
    <EntitySet Name="A_Contact" EntityType="API_ORDER.ContactType" sap:creatable="false" sap:updatable="false" sap:deletable="false"/>
    <FunctionImport Name="Release" ReturnType="API_ORDER.OrderType" EntitySet="A_Order" m:HttpMethod="POST"><Parameter Name="Order" Type="Edm.String" Mode="In"/></FunctionImport>
    <FunctionImport Name="Over" ReturnType="Collection(API_ORDER.OrderType)" EntitySet="A_Order" m:HttpMethod="GET"><Parameter Name="Net" Type="Edm.Decimal"/><Parameter Name="Since" Type="Edm.DateTime"/></FunctionImport>
   </EntityContainer>
  </Schema>
 </edmx:DataServices>
</edmx:Edmx>`;

/** A service of trips with the vocabularies Core and Capabilities (OData 4.01). */
export const TRIPS = `<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
 <edmx:Reference Uri="https://example.com/core.xml"><edmx:Include Namespace="Org.OData.Core.V1" Alias="Core"/></edmx:Reference>
 <edmx:DataServices><Schema Namespace="com.trips" Alias="self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EnumType Name="State"><Member Name="Open"/><Member Name="Done"/></EnumType>
  <TypeDefinition Name="Money" UnderlyingType="Edm.Decimal"/>
  <ComplexType Name="City"><Property Name="Name" Type="Edm.String"/></ComplexType>
  <EntityType Name="Thing"><Key><PropertyRef Name="Id"/></Key><Property Name="Id" Type="Edm.Int64" Nullable="false"/></EntityType>
  <EntityType Name="Trip" BaseType="self.Thing">
   <Property Name="Title" Type="Edm.String"/><Property Name="State" Type="self.State"/><Property Name="Price" Type="self.Money"/>
   <Property Name="Email" Type="Edm.String"/><Property Name="Cities" Type="Collection(self.City)"/>
   <NavigationProperty Name="Guests" Type="Collection(self.Trip)"/>
  </EntityType>
  <EntityType Name="Airport"><Key><PropertyRef Name="Code"/></Key><Property Name="Code" Type="Edm.String"/></EntityType>
  <Function Name="In"><Parameter Name="state" Type="self.State"/><Parameter Name="name" Type="Edm.String"/><ReturnType Type="Collection(self.Trip)"/></Function>
  <Function Name="Around"><Parameter Name="city" Type="self.City"/><ReturnType Type="Collection(self.Trip)"/></Function>
  <Action Name="Reset"><Parameter Name="hard" Type="Edm.Boolean"/></Action>
  <EntityContainer Name="c">
   <EntitySet Name="Trips" EntityType="self.Trip"><Annotation Term="Core.OptimisticConcurrency"><Collection><PropertyPath>Title</PropertyPath></Collection></Annotation></EntitySet>
   <EntitySet Name="Airports" EntityType="self.Airport"/>
   <FunctionImport Name="In" Function="self.In"/><FunctionImport Name="Around" Function="self.Around"/><ActionImport Name="Reset" Action="self.Reset"/>
  </EntityContainer>
  <Annotations Target="self.c/Airports">
   <Annotation Term="Org.OData.Capabilities.V1.InsertRestrictions"><Record><PropertyValue Property="Insertable" Bool="false"/></Record></Annotation>
   <Annotation Term="Org.OData.Capabilities.V1.UpdateRestrictions"><Record><PropertyValue Property="Updatable"><Bool>false</Bool></PropertyValue></Record></Annotation>
   <Annotation Term="Org.OData.Capabilities.V1.DeleteRestrictions"><Record><PropertyValue Property="Deletable" Bool="false"/></Record></Annotation>
  </Annotations>
 </Schema></edmx:DataServices></edmx:Edmx>`;
